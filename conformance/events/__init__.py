"""The event log: its records, and reading and writing them as JSON lines.

May import neither JAX nor another package of `conformance`: every part of the suite writes or reads events.
"""
