"""How much load, and when: pure functions of time."""
