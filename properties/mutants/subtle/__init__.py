"""Subtle mutants: each misbehaves only where something triggers it, such as a batch of one.

A gross mutant is killed by most calls. These say which calls a suite must draw: one survives where no
call that triggers it is drawn, or where no law looks at what it changes.
"""

from collections.abc import Mapping
from types import MappingProxyType

from properties.mutants.subtle.functions import MAPS
from properties.mutants.subtle.modules import LIFTS
from properties.mutants.subtle.subtle_mutant import SubtleMutant

__all__ = ["SUBTLE", "SubtleMutant"]

SUBTLE: Mapping[str, SubtleMutant] = MappingProxyType({each.name: each for each in (*MAPS, *LIFTS)})
