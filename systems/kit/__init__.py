"""What the five services share: database, password hashes, tokens, metrics, the frame of an HTTP API."""
