"""The checks of `monitor health`: what is wrong, and what to do about it."""
