"""Attempts to deliver a file: upload, retry, reconcile."""
