"""The HTML page of a log: one self-contained file."""
