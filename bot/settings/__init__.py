"""The settings: read once from the environment, a `.env` file and TOML, and checked as a whole."""
