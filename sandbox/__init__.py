"""Stand-ins of an Order Time and of a partner, for the demo and for the tests."""
