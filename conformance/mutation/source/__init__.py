"""Mutants of JAX's and Flax's own source: one small slip in one function that maps.

The operators are those of cosmic-ray (https://cosmic-ray.readthedocs.io) and mutmut
(https://mutmut.readthedocs.io), applied to the functions of the installed releases in memory.
"""
