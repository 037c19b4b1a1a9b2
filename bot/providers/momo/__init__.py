"""MTN MoMo: the adapter, its settings, its callbacks and its words."""
