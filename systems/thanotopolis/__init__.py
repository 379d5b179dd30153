"""The cemetery management platform: a reference service and its performance suite."""
