"""The pretend MTN MoMo."""
