"""Statistics of a whole batch, taken along the batch axis by its name."""

import attrs

from properties import oracle
from properties.call import ModuleCall
from properties.compare import Expected, assert_agrees
from properties.joint_compile import apply_together
from properties.law import attribute_to
from properties.laws.sharing.cases import law, no_variants, one_call
from properties.subject import AXIS, ModuleSubject
from properties.transform import Transform
from reference.error_bounds.evaluate import Rounded
from reference.types import PyTree


def _no_statistics(transform: Transform, subject: ModuleSubject) -> str | None:
    if no_variants("synchronised")(transform, subject) is None:
        return None
    return f"{subject.name} takes no statistics that {transform.name} could have of all examples"


@law("sharing.synchronised", tier="derived", cases=one_call(), skip_if=_no_statistics)
def synchronised(transform: Transform, call: ModuleCall) -> None:
    """Statistics taken along the batch axis's name are those of all examples together, shared or mapped."""
    for options in transform.variants(call)["synchronised"]:
        for axis in (0, None):
            axes = {**call.variable_axes, "batch_stats": axis}
            each = attrs.evolve(call, options=options, variable_axes=axes)
            variables = oracle.drawn_variables(each, transform.derivation)
            expected = _of_all_examples(each, variables)
            for _, got in apply_together(transform, each, variables):
                with attribute_to(each, "apply", expected=expected):
                    assert_agrees(got, expected)


def _of_all_examples(call: ModuleCall, variables: PyTree) -> Expected:
    """What the module gives for the examples joined along the input's first axis, apart again."""
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
    parts = [_part(result, i, rows) for i, result in enumerate(results)]
    return oracle.of_each(call, variables, parts)


def _part(result: Rounded, i: int, rows: int) -> Rounded:
    """The output of example `i` in an output of all of them, and the updates, which all have."""
    here = slice(i * rows, (i + 1) * rows)
    return Rounded(
        (result.value[0][here], result.value[1]), (result.error[0][here], result.error[1])
    )
