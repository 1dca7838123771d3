"""The rules of all families of primitives together, by the primitive's name."""

from reference.error_bounds.arithmetic import ARITHMETIC
from reference.error_bounds.bounded_array import Rule
from reference.error_bounds.comparisons import COMPARISONS
from reference.error_bounds.elementary import ELEMENTARY, SPECIAL
from reference.error_bounds.indexing import INDEXING
from reference.error_bounds.linear_algebra import LINEAR_ALGEBRA
from reference.error_bounds.movement import MOVEMENT
from reference.error_bounds.reductions import REDUCTIONS
from reference.error_bounds.sorting import SORTING
from reference.error_bounds.windows import WINDOWS

RULES: dict[str, Rule] = {
    **ARITHMETIC,
    **COMPARISONS,
    **ELEMENTARY,
    **SPECIAL,
    **INDEXING,
    **MOVEMENT,
    **REDUCTIONS,
    **SORTING,
    **WINDOWS,
    **LINEAR_ALGEBRA,
}
