"""The medical records system: a service and its performance suite."""
