"""Broken transforms. Each is a way to map wrongly that people and libraries do get wrong.

They prove that the laws bite (every one must be killed by some law), and they name the likely cause
of a violation: a mutant of the loop that gives the same wrong answer.
"""

from properties.mutants import collectives, mapping, sharing
from properties.mutants.mutant import MUTANTS, Mutant

__all__ = ["MUTANTS", "Mutant", "collectives", "mapping", "sharing"]
