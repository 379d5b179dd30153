"""The scenarios of the suite: registration and login."""
