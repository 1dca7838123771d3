"""The catalogue: for every batching rule that JAX registers, functions that reach it."""

import attrs

from properties.subjects.batching_rules.across_devices import ACROSS_DEVICES
from properties.subjects.batching_rules.around import AROUND
from properties.subjects.batching_rules.attention import ATTENTION
from properties.subjects.batching_rules.checked import CHECKED
from properties.subjects.batching_rules.collectives import COLLECTIVES
from properties.subjects.batching_rules.control import CONTROL
from properties.subjects.batching_rules.corners import CORNERS
from properties.subjects.batching_rules.derivatives_within import DERIVATIVES_WITHIN
from properties.subjects.batching_rules.differentiated import DIFFERENTIATED
from properties.subjects.batching_rules.elementwise import ELEMENTWISE
from properties.subjects.batching_rules.indexing import INDEXING
from properties.subjects.batching_rules.keys import KEYS
from properties.subjects.batching_rules.like_numpy import LIKE_NUMPY
from properties.subjects.batching_rules.linear_algebra import LINEAR_ALGEBRA
from properties.subjects.batching_rules.long_axes import LONG_AXES
from properties.subjects.batching_rules.lookups import LOOKUPS
from properties.subjects.batching_rules.named_axes import NAMED_AXES
from properties.subjects.batching_rules.operands import OPERANDS
from properties.subjects.batching_rules.operands_alone import OPERANDS_ALONE
from properties.subjects.batching_rules.own_functions import OWN_FUNCTIONS
from properties.subjects.batching_rules.parameters import PARAMETERS
from properties.subjects.batching_rules.randomness import RANDOMNESS
from properties.subjects.batching_rules.reductions import REDUCTIONS
from properties.subjects.batching_rules.references_within import REFERENCES_WITHIN
from properties.subjects.batching_rules.second_slopes import SECOND_SLOPES
from properties.subjects.batching_rules.shapes import SHAPES
from properties.subjects.batching_rules.sparse import SPARSE
from properties.subjects.batching_rules.surroundings import SURROUNDINGS
from properties.subjects.batching_rules.typed import TYPED
from properties.subjects.batching_rules.varying import VARYING
from properties.subjects.batching_rules.ways_to_call import WAYS_TO_CALL
from properties.subjects.batching_rules.windows import WINDOWS

_USED = (
    *OWN_FUNCTIONS,
    *NAMED_AXES,
    *SURROUNDINGS,
    *REFERENCES_WITHIN,
    *DIFFERENTIATED,
    *LOOKUPS,
    *SPARSE,
    *ACROSS_DEVICES,
    *TYPED,
    *VARYING,
    *LONG_AXES,
    *DERIVATIVES_WITHIN,
    *SECOND_SLOPES,
    *LIKE_NUMPY,
    *WAYS_TO_CALL,
    *OPERANDS_ALONE,
    *CHECKED,
)
USED = tuple(attrs.evolve(each, is_variant=True, most_axes=each.most_axes or 3) for each in _USED)
"""Rules and maps as functions use them: within each other, of trees, by name, under settings."""
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
    *USED,
)
