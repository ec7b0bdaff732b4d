"""One alert per open problem, until it ends or is acknowledged."""
