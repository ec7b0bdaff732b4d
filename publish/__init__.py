"""Renders marts as files, checks, packs and delivers them, and records each step."""
