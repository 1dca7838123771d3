"""One run of the suite: which items there are, running them under pytest, and the log that comes of it.

May import the violations, user subjects, known defects, transforms and events, and what is beneath them.
"""
