"""A Flask service with accounts of clients, and the suite that loads their registration and login."""
