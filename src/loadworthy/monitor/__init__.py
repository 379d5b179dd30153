"""What the target was doing while load was made: readings of its processes, its metrics and its database."""
