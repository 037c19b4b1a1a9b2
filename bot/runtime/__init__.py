"""What every process needs: clock, timeouts, keys, logs, metrics, loops and rate limits."""
