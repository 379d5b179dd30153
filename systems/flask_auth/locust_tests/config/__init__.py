"""The settings of the suite."""
