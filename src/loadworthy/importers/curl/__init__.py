"""Plans from curl command lines."""
