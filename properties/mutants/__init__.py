"""Mutants: transforms broken in a way that people and libraries do get wrong.

They prove that laws can fail: each must be killed by some law. And they name the likely cause of a
violation: a mutant of the loop that gives the same wrong result.
"""

from collections.abc import Mapping
from types import MappingProxyType

from properties.mutants import collectives, mapping, sharing
from properties.mutants.mutant import Mutant

__all__ = ["MUTANTS", "Mutant"]

MUTANTS: Mapping[str, Mutant] = MappingProxyType(
    {
        each.name: each
        for module in (collectives, mapping, sharing)
        for each in vars(module).values()
        if isinstance(each, Mutant)
    }
)
"""Every mutant by name."""
