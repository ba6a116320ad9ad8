"""From the broker to committed rows: read, place, store, acknowledge, confirm, request."""
