"""The schema's history: numbered, append-only, hand-written SQL. Types and statements fit PostgreSQL too."""
