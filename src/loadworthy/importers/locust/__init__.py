"""Plans from locustfiles, configurations and command lines of Locust."""
