"""What is drawn under a map."""

import jax
import numpy as np

from properties import expected
from properties.calls import FunctionCall
from properties.compare import Disagreement, assert_agrees
from properties.law import blame, law
from properties.strategies import function_calls
from properties.together import map_together
from properties.transform import Transform
from properties.way import MAP


@law(
    "randomness.keys-draw-independently",
    cases=function_calls(unmapped="any"),
    kinds=("draw",),
)
def keys_draw_as_they_do_alone(transform: Transform, call: FunctionCall) -> None:
    """Each key draws what it draws unmapped, no two of them the same; a shared key draws the same."""
    for axes, got in map_together(transform, call):
        single = call.only(axes)
        right = expected.of_function(single)
        with blame(single, MAP):
            assert_agrees(got, right)
            (leaf,) = jax.tree_util.tree_leaves(got)
            rows = np.moveaxis(np.asarray(leaf), axes.out_axes, 0)
            different = len({row.tobytes() for row in rows})
            wanted = len(rows) if axes.in_axes[0] is not None else 1
            if different != wanted:
                raise Disagreement(
                    "value",
                    f"{len(rows)} examples drew {different} different results, not {wanted}",
                    expected=right.value,
                    got=np.asarray(leaf),
                    bound=right.bound,
                )
