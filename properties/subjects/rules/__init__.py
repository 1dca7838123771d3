"""The catalogue: for every batching rule that JAX registers, functions that reach it."""

from properties.subjects.rules.attention import ATTENTION
from properties.subjects.rules.collectives import COLLECTIVES
from properties.subjects.rules.control import CONTROL
from properties.subjects.rules.elementwise import ELEMENTWISE
from properties.subjects.rules.indexing import INDEXING
from properties.subjects.rules.keys import KEYS
from properties.subjects.rules.linear_algebra import LINEAR_ALGEBRA
from properties.subjects.rules.randomness import RANDOMNESS
from properties.subjects.rules.reductions import REDUCTIONS
from properties.subjects.rules.shapes import SHAPES
from properties.subjects.rules.windows import WINDOWS

RULES = (
    *ELEMENTWISE,
    *REDUCTIONS,
    *SHAPES,
    *INDEXING,
    *WINDOWS,
    *LINEAR_ALGEBRA,
    *CONTROL,
    *COLLECTIVES,
    *RANDOMNESS,
    *KEYS,
    *ATTENTION,
)
