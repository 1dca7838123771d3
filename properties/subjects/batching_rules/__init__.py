"""The catalogue: for every batching rule that JAX registers, functions that reach it."""

from properties.subjects.batching_rules.around import AROUND
from properties.subjects.batching_rules.attention import ATTENTION
from properties.subjects.batching_rules.collectives import COLLECTIVES
from properties.subjects.batching_rules.control import CONTROL
from properties.subjects.batching_rules.corners import CORNERS
from properties.subjects.batching_rules.elementwise import ELEMENTWISE
from properties.subjects.batching_rules.indexing import INDEXING
from properties.subjects.batching_rules.keys import KEYS
from properties.subjects.batching_rules.linear_algebra import LINEAR_ALGEBRA
from properties.subjects.batching_rules.operands import OPERANDS
from properties.subjects.batching_rules.parameters import PARAMETERS
from properties.subjects.batching_rules.randomness import RANDOMNESS
from properties.subjects.batching_rules.reductions import REDUCTIONS
from properties.subjects.batching_rules.shapes import SHAPES
from properties.subjects.batching_rules.windows import WINDOWS

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
    *PARAMETERS,
    *CORNERS,
    *OPERANDS,
    *AROUND,
)
