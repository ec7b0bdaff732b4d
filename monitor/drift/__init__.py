"""Profiles of files and sources, and the figures that are unusual."""
