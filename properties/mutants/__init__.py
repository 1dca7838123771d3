"""Mutants: transforms broken in a way that people and libraries do get wrong.

They prove that laws can fail: each must be killed by some law. And they name the likely cause of a
violation: a mutant of the loop that gives the same wrong result.
"""

from properties.mutants import collectives, mapping, sharing
from properties.mutants.mutant import MUTANTS, Mutant

__all__ = ["MUTANTS", "Mutant", "collectives", "mapping", "sharing"]
