"""Whether our figures say what was: held against theory, and against the server's own log of the same requests."""
