"""The user's own functions and modules as subjects.

May import transforms and events, and what is beneath them.
"""
