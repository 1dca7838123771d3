"""Subtle mutants: each misbehaves only where something triggers it, such as a batch of one.

A gross mutant is killed by most calls. These say which calls a suite must draw: one survives where no
call that triggers it is drawn, or where no law looks at what it changes.
"""

from properties.mutants.subtle import functions, modules
from properties.mutants.subtle.subtle_mutant import SUBTLE, SubtleMutant

__all__ = ["SUBTLE", "SubtleMutant", "functions", "modules"]
