"""Showing a comparison: on the terminal and as Markdown."""
