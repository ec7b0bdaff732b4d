"""Stand-ins of Order Time, the order tool and a partner, for the demo and the tests."""
