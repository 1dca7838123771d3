"""Statistics of a whole batch, taken along the batch axis by its name."""

from typing import Any

import attrs

from properties import oracle
from properties.call import ModuleCall
from properties.compare import Expected, assert_agrees
from properties.joint_compile import apply_together
from properties.law import attribute_to, law
from properties.laws.sharing.gradients import no_variants
from properties.laws.sharing.parameters import one_call
from properties.subject import AXIS, ModuleSubject
from properties.transform import Transform
from reference.error_bounds.evaluate import Rounded


def _no_statistics(transform: Transform, subject: ModuleSubject) -> str | None:
    if no_variants("synchronised")(transform, subject) is None:
        return None
    return f"{subject.name} takes no statistics that {transform.name} could have of all examples"


@law(
    "sharing.synchronised",
    subjects=ModuleSubject,
    tier="derived",
    cases=one_call(),
    skip_if=_no_statistics,
)
def statistics_are_of_all_examples(transform: Transform, call: ModuleCall) -> None:
    """Statistics taken along the batch axis are those of all examples together, shared or one for each."""
    for options in transform.variants(call)["synchronised"]:
        for axis in (0, None):
            placed = {**call.variable_axes, "batch_stats": axis}
            each = attrs.evolve(call, options=options, variable_axes=placed)
            variables = oracle.drawn_variables(each)
            right = _of_all(each, variables)
            for _, got in apply_together(transform, each, variables):
                with attribute_to(each, "apply", right=right):
                    assert_agrees(got, right)


def _of_all(call: ModuleCall, variables: Any) -> Expected:
    """Each example's part of what the module gives for all of them, along the input's first axis."""
    (dim, *_) = call.subject.inputs[0].dims
    assert isinstance(dim, str)
    rows = call.sizes[dim]
    longer = attrs.evolve(call, sizes={**call.sizes, dim: rows * call.size, AXIS: 1})
    one = oracle.module_evaluator(longer)
    (inputs,) = call.batch_first(call.axes[0])
    joined = inputs.reshape(-1, *inputs.shape[2:])
    results = [
        one(oracle.member(variables, call.variable_axes, i), call.rngs(), joined)
        for i in range(call.size)
    ]
    return oracle.of_each(
        call, variables, [_part(result, i, rows) for i, result in enumerate(results)]
    )


def _part(result: Rounded, i: int, rows: int) -> Rounded:
    """What example ``i`` has of an output of all of them, and the updates, which are everybody's."""
    here = slice(i * rows, (i + 1) * rows)
    return Rounded(
        (result.value[0][here], result.value[1]), (result.error[0][here], result.error[1])
    )
