"""Plans from HAR files: what a browser recorded."""
