"""Are the feeds well: what is wrong, and what to do about it."""
