"""The scenarios, one file an area; each runs by itself."""
