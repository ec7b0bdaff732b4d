"""One module for each `monitor` command."""
