"""The service under test: a catalogue of items, orders for them, and reports over the orders."""
