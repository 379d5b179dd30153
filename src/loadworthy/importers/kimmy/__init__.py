"""Plans from a config.json with test_scenarios."""
