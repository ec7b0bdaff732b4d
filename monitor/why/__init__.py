"""Explain a row: its source record, its reason codes, its last runs."""
