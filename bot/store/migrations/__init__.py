"""The schema's history: numbered, append-only, hand-written SQL that fits SQLite and PostgreSQL."""
