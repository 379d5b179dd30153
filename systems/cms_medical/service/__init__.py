"""A clinic's records over HTTP: people, appointments, consultations, episodes, files, policies; three roles."""
