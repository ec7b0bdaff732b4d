"""Sources that are declared in extract/sources, in the words of dlt."""
