"""Accounts: registration, login, profile, and their administration."""
