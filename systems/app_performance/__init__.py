"""A small shop, and its framework of load, stress and endurance tests."""
