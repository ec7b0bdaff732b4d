"""The pages of `monitor report`: one HTML file for each package, and an index."""
