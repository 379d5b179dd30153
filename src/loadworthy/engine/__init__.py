"""Drives Locust: turns a plan into a run directory. Besides ``users/`` the only package that imports Locust."""
