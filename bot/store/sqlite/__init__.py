"""The SQLite driver: one file, one writer that commits waiting turns together, readers beside it."""
