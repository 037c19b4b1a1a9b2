"""The commands in the terminal, the handset and the tour."""
