"""Known defects of what a function uses within a map: derivatives, rules of its own, sparse matrices."""

from conformance.known_defects.defect import Defect
from conformance.known_defects.minimal_calls import (
    EMPTY_OPERANDS,
    NOT_FOUND_ON_THE_28TH,
    NOT_FOUND_ON_THE_29TH,
    NOT_FOUND_ON_THE_30TH,
    any_axes,
    calls_of,
    empty_calls_of,
    has_empty_operands,
    rule_call,
)
from properties.call import Axes, Call, FunctionCall, ProgramCall
from properties.programs.grammar import Block, Program, Statement, Type, statements_in

_ZERO_SLOPES = "lax.custom_jvp_call.zero-slopes"
_PAST_THE_END = "lax.dynamic_slice.slopes-past-the-end"

_IN_A_BRANCH = "lax.custom_vmap_call.in-a-branch"
_EDGES = "lax.floor.as-numpy"
_INTEGRALS = "lax.custom_jvp_call.exponential-integrals"
_NESTED = "lax.shard_map.nested-slopes"
_PRODUCT = "lax.reduce_prod.slope-on-a-mesh"
_REPEATED = "lax.gather.repeated"
_SPARSE = "lax.bcoo_dot_general.of-places"
_CHECKED_LOOP, _CHECKED_PLACES = "lax.while.checked", "lax.scatter.checked"


_RULES, _BRANCHES = ("custom-jvp", "custom-jvp-symbolic"), ("cond", "switch")


def _has_branches_in_a_rule(call: Call) -> bool:
    """Whether the call is of a program with a rule of its own around a branch."""
    return isinstance(call, ProgramCall) and any(
        within.does in _BRANCHES
        for statement in statements_in(call.program.body)
        if statement.does in _RULES
        for block in statement.blocks
        for within in statements_in(block)
    )


def _block(takes: tuple[int, ...], *statements: Statement) -> Block:
    """A block that gives the last value it defines; or what it takes last."""
    return Block(takes, statements, statements[-1].gives if statements else takes[-1:])


_BRANCH = Statement(
    (5,), "cond", (3, 2), (_block((6,)), _block((7,), Statement((8,), "negate", (7,))))
)
_RULE = _block((1, 2), Statement((3,), "less", (1, 2)), _BRANCH)
_OF_ONE = _block((0,), Statement((9,), "custom-jvp", (0, 0), (_RULE,)))

WITHIN: tuple[Defect, ...] = (
    Defect(
        id="vmap-cond-of-tangents",
        transform="jax.vmap",
        versions={"jax": ">=0.4.30"},
        affects=_has_branches_in_a_rule,
        law="gradients.generated-program",
        call=ProgramCall(
            "program-rules",
            {"batch": 2},
            (Axes((0,)),),
            program=Program((Type("float32"),), _OF_ONE),
        ),
        description=(
            "The gradient in reverse mode of a map of a jax.custom_jvp, whose rule has a lax.cond or "
            "lax.switch that is chosen by a mapped value, raises NotImplementedError: Transpose rule for "
            "'stop_gradient' not implemented. The map of the gradient gives it."
        ),
        upstream="https://github.com/jax-ml/jax/issues/39219 (open) and #22011.",
        all_laws=False,
    ),
    Defect(
        id="vmap-slice-gradient-within",
        transform="jax.vmap",
        versions={"jax": "<0.9"},
        affects=calls_of(_PAST_THE_END, any_axes),
        law="mapping.equals-per-example",
        call=rule_call(_PAST_THE_END, (0, 0, 0)),
        description=(
            "A function that differentiates a map of lax.dynamic_slice whose start is mapped and past the "
            "end, which is clipped, is silently given zero for those examples."
        ),
        upstream=(
            "https://github.com/jax-ml/jax/issues/34228, fixed by https://github.com/jax-ml/jax/pull/34229"
        ),
    ),
    Defect(
        id="vmap-second-derivative-of-a-rule",
        transform="jax.vmap",
        versions={"jax": ">=0.7,<0.7.2"},
        affects=calls_of(_ZERO_SLOPES, any_axes),
        law="mapping.equals-per-example",
        call=rule_call(_ZERO_SLOPES, (0, 0)),
        description=(
            "Where a result of a compiled jax.custom_jvp with symbolic_zeros=True is not used, its second "
            "derivative raises ValueError: foreach() argument 2 is longer than argument 1; with a map or "
            "without."
        ),
        upstream="https://github.com/jax-ml/jax/issues/31448 (closed).",
    ),
    Defect(
        id="vmap-custom-vmap-closure-in-a-branch",
        transform="jax.vmap",
        versions={"jax": ">=0.4.30"},
        affects=calls_of(_IN_A_BRANCH, lambda axes: axes[1] is not None),
        law="mapping.equals-per-example",
        call=rule_call(_IN_A_BRANCH, (0, 0)),
        description=(
            "A custom_vmap function that closes over an array raises AssertionError in a branch of "
            "lax.cond or lax.switch whose predicate is mapped: JAX gives its rule a copy of that array "
            "for each example."
        ),
        upstream=NOT_FOUND_ON_THE_29TH,
    ),
    Defect(
        id="vmap-sparse-product-of-no-examples",
        transform="jax.vmap",
        versions={"jax": ">=0.4.30"},
        affects=empty_calls_of((_SPARSE,)),
        law="mapping.axis-size",
        call=FunctionCall(_SPARSE, {"batch": 0}, (Axes((0, 0, 0), 0),)),
        description=(
            "A map over no examples of the product of a BCOO matrix and a vector raises ValueError, "
            "'vmap got inconsistent sizes for array axes to be mapped': JAX repeats the vector once."
        ),
        upstream=NOT_FOUND_ON_THE_29TH,
    ),
    Defect(
        id="vmap-of-vmap-of-nonzero",
        transform="jax.vmap",
        versions={"jax": ">=0.12"},
        affects=calls_of("lax.gather.placed", lambda axes: axes[1] is not None),
        law="nesting.composes",
        call=rule_call("lax.gather.placed", (0, 0, 0)),
        description=(
            "A map of a map of jnp.nonzero whose fill_value both of them map raises ValueError, 'Cannot "
            "lower jaxpr with verifier errors': it is repeated for too few elements."
        ),
        upstream=NOT_FOUND_ON_THE_29TH,
        all_laws=False,
    ),
    Defect(
        id="second-derivative-of-exponential-integrals",
        transform="jax.vmap",
        versions={"jax": "<0.12"},
        affects=calls_of(_INTEGRALS, any_axes),
        law="mapping.equals-per-example",
        call=rule_call(_INTEGRALS, (0,)),
        description=(
            "The second derivative of jax.scipy.special.exp1 and expn raises TypeError, 'No constant handler "
            "for type: DynamicJaxprTracer', with a map or without."
        ),
        upstream=(
            "No report of it was found on jax-ml/jax on 2026-11-30. "
            "https://github.com/jax-ml/jax/pull/26977 (merged) is of the first derivative. 0.12 has it right."
        ),
    ),
    Defect(
        id="repeats-as-a-number-of-jax",
        transform="jax.vmap",
        versions={"jax": ">=0.4.30"},
        affects=calls_of(_REPEATED, any_axes),
        law="mapping.equals-per-example",
        call=rule_call(_REPEATED, (0,)),
        description=(
            "Under a jit, jnp.repeat raises TypeError, 'Shapes must be 1D sequences of concrete values', "
            "where repeats is an array of JAX's without axes that the function closes over. An array of one "
            "number, and one of NumPy's, are in order, and so is the call without a jit."
        ),
        upstream=NOT_FOUND_ON_THE_30TH,
    ),
    Defect(
        id="gradient-of-nested-shard-maps",
        transform="jax.vmap",
        versions={"jax": ">=0.8"},
        affects=calls_of(_NESTED, any_axes),
        law="mapping.equals-per-example",
        call=rule_call(_NESTED, (0,)),
        description=(
            "The gradient of a shard_map within a shard_map over another axis of the mesh raises ValueError, "
            "'Cannot lower jaxpr with verifier errors', where the inner function multiplies by a constant, "
            "as in 2 * x, and the outer one splits its argument; with a map or without. Forward mode works."
        ),
        upstream=NOT_FOUND_ON_THE_30TH,
    ),
    Defect(
        id="vmap-of-shard-map-empty-operands",
        transform="jax.vmap",
        versions={"jax": ">=0.7"},
        affects=has_empty_operands,
        law="parallel.shard-map-within",
        call=FunctionCall("dot-product", {"batch": 4, "n": 0}, (Axes((0, 0), 0),)),
        description=f"{EMPTY_OPERANDS} So does a map with spmd_axis_name around it.",
        upstream=NOT_FOUND_ON_THE_28TH,
        all_laws=False,
    ),
    Defect(
        id="heaviside-and-floor-divide-at-edges",
        transform="jax.vmap",
        versions={"jax": "<0.10.2"},
        affects=calls_of(_EDGES, any_axes),
        law="mapping.equals-per-example",
        call=rule_call(_EDGES, (0, 0)),
        description=(
            "Silently other than NumPy, with a map or without: jnp.heaviside of NaN gives its second "
            "argument in place of NaN, and jnp.floor_divide by zero gives NaN in place of infinities."
        ),
        upstream=(
            "https://github.com/jax-ml/jax/commit/88b3d13390 and "
            "https://github.com/jax-ml/jax/commit/e90fa10f79 are the fixes, in jax 0.10.2."
        ),
    ),
    Defect(
        id="slope-of-a-product-on-an-explicit-mesh",
        transform="jax.vmap",
        versions={"jax": ">=0.10.1"},
        affects=calls_of(_PRODUCT, any_axes),
        law="mapping.equals-per-example",
        call=rule_call(_PRODUCT, (0,)),
        description=(
            "The derivative of jnp.prod along one axis raises ShardingTypeError, 'This reshape is not "
            "supported', where another one is sharded over an Explicit mesh: with a map along such an axis, "
            "too, though each example by itself is in order. jnp.sum, jnp.max and lax.cumprod have slopes."
        ),
        upstream=NOT_FOUND_ON_THE_30TH,
    ),
    Defect(
        id="vmap-checked-loop",
        transform="jax.vmap",
        versions={"jax": ">=0.7,<0.12"},
        affects=calls_of(_CHECKED_LOOP, any_axes),
        law="mapping.equals-per-example",
        call=rule_call(_CHECKED_LOOP, (0, 0)),
        description=(
            "A map of a function that checkify checks raises ValueError, 'foreach() argument 2 is longer "
            "than argument 1', or TypeError, where a lax.while_loop in it has a condition of a mapped "
            "value. JAX's own error, where the map lies within what is checked, advises this order."
        ),
        upstream=f"{NOT_FOUND_ON_THE_30TH} 0.12 has it right.",
    ),
    Defect(
        id="checked-map-of-updates",
        transform="jax.vmap",
        versions={"jax": ">=0.4.35"},
        affects=calls_of(_CHECKED_PLACES, any_axes),
        law="mapping.equals-per-example",
        call=rule_call(_CHECKED_PLACES, (0, 0)),
        description=(
            "checkify with index_checks raises IndexError, 'tuple index out of range', where a map within "
            "what it checks updates x.at[i] at mapped indices, in range or not: it does not know of the "
            "batching dimensions of a scatter. The same map of x[i] is in order."
        ),
        upstream=NOT_FOUND_ON_THE_30TH,
    ),
)
