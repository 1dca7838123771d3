"""A violation, explained: its record, its likely cause and a standalone script that shows it.

May import known defects, transforms and events, and what is beneath them.
"""
