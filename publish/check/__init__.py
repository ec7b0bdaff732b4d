"""Is a partner's server fit to deliver to? Found out by trying, and without a trace.

Everything is tried as a delivery does it, by the very transports of `publish.deliver`,
with files of one check alone, whose names end in `.part`: pick-up jobs leave such names
alone. What was seen is kept as a profile, which `publish` reads.
"""
