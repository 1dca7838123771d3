"""Known defects of maps of arrays that are sharded over an Explicit mesh."""

from conformance.known_defects.defect import Defect
from conformance.known_defects.minimal_calls import (
    NOT_FOUND_ON_THE_27TH,
    NOT_FOUND_ON_THE_30TH,
    any_axes,
    calls_of,
    rule_call,
)
from properties.call import Axes, FunctionCall, ModuleCall
from properties.laws.parallel.explicit import OVER_THE_BATCH
from properties.subject import AXIS

_COUNTED_TO = ("lax.while", "lax.while.condition-alone", "lax.while.condition-later")
"""Loops that start with numbers, and whose condition or body depends on the first argument."""
_SHARED_INPUT = "use.on-explicit-mesh-shared-input"
_SUMMED = tuple(name for name in OVER_THE_BATCH if name != "axis-index")


def _starts_with_a_number(call: FunctionCall) -> bool:
    counted = calls_of(_COUNTED_TO, lambda axes: axes[0] is not None)
    return counted(call) or calls_of("lax.scan.constant-carry", any_axes)(call)


def _of_constants(call: FunctionCall) -> bool:
    constant = calls_of("lax.cond.constant", lambda axes: None not in axes)
    return constant(call) or calls_of("lax.scan.chain", any_axes)(call)


def _starts_apart(axes: tuple[int | None, ...]) -> bool:
    """Whether one start of a slice is mapped and another is not, or the mapped axis is not in front."""
    starts = axes[1:]
    return (None in starts and set(starts) != {None}) or (
        set(starts) != {None} and axes[0] not in {0, None}
    )


EXPLICIT_MESH: tuple[Defect, ...] = (
    Defect(
        id="vmap-explicit-mesh-numbers",
        transform="jax.vmap",
        versions={"jax": ">=0.7.1"},
        affects=_starts_with_a_number,
        law="parallel.explicit-mesh",
        call=rule_call("lax.scan.constant-carry", (0,), n=2),
        description=(
            "A map over an axis that is sharded over an Explicit mesh, of a scan, fori_loop or while_loop "
            "whose carry starts with a Python number or a NumPy array and is mapped only by the body or "
            "the condition, raises ValueError: 'Resource axis: d of P('d',) is not found in mesh: ()', as "
            "of lambda x: lax.scan(lambda c, y: (c + y, c), 0.0, x). jnp.zeros_like(x[0]) in place of 0.0 "
            "works. The result of lax.cond(x > 1, lambda: 1, lambda: 2) is not sharded."
        ),
        upstream=(
            f"{NOT_FOUND_ON_THE_27TH} https://github.com/jax-ml/jax/issues/36562 (closed) is the error "
            "of jax.random alone, which 0.10.0 has right."
        ),
        all_laws=False,
    ),
    Defect(
        id="vmap-explicit-mesh-constants",
        transform="jax.vmap",
        versions={"jax": ">=0.7.1,<0.8.2"},
        affects=_of_constants,
        law="parallel.explicit-mesh",
        call=rule_call("lax.scan.chain", (0,), n=2),
        description=(
            "A map over an axis that is sharded over an Explicit mesh, of a loop whose carry starts with "
            "a constant such as jnp.zeros(3) and is mapped only by the body, raises ValueError: "
            "'Resource axis: d of PartitionSpec('d', None) is not found in mesh'. The result of a cond of "
            "constants is not sharded."
        ),
        upstream=f"{NOT_FOUND_ON_THE_27TH} It works since 0.8.2.",
        all_laws=False,
    ),
    Defect(
        id="vmap-explicit-mesh-stack",
        transform="jax.vmap",
        versions={"jax": ">=0.10.1"},
        affects=calls_of("lax.stack.first", lambda axes: None in axes),
        law="parallel.explicit-mesh",
        call=rule_call("lax.stack.first", (0, None), m=2, n=4),
        description=(
            "A map over an axis that is sharded over an Explicit mesh, of jnp.stack of an array that is "
            "mapped and of one that is not, raises ShardingTypeError: 'All operands should have the same "
            "sharding'. jnp.concatenate and jnp.vstack of the same arrays work, and so does jnp.stack up "
            "to 0.10.0, which had no primitive of its own."
        ),
        upstream=NOT_FOUND_ON_THE_27TH,
        all_laws=False,
    ),
    Defect(
        id="vmap-explicit-mesh-inner-sum",
        transform="jax.vmap",
        versions={"jax": ">=0.11.1"},
        affects=calls_of(("lax.psum", "lax.pmax"), any_axes),
        law="parallel.explicit-mesh",
        call=rule_call("lax.psum", (0,), n=2),
        description=(
            "A map over an axis that is sharded over an Explicit mesh, of lax.psum, lax.pmean or lax.pmax "
            "over the name of a map within, raises ValueError: 'Length of sharding.spec (2) must be equal "
            "to aval's ndim (1)'. It worked in 0.11.0."
        ),
        upstream=NOT_FOUND_ON_THE_27TH,
        all_laws=False,
    ),
    Defect(
        id="vmap-explicit-mesh-collectives",
        transform="jax.vmap",
        versions={"jax": ">=0.7.1"},
        affects=calls_of(_SUMMED, any_axes),
        law="parallel.explicit-mesh",
        call=FunctionCall("psum", {"batch": 3, "m": 2, "n": 4}, (Axes((0,), 0, AXIS),)),
        description=(
            "lax.psum, lax.pmean, lax.pmax, lax.pmin and lax.all_gather over a mapped axis that is "
            "sharded over an Explicit mesh raise ValueError, 'Sharding spec ('d',) implies that array "
            "axis 0 is partitioned 2 times', or DuplicateSpecError; since 0.11.1, 'Length of sharding.spec "
            "(2) must be equal to aval's ndim (1)'. lax.ppermute names out_sharding as a way out."
        ),
        upstream=NOT_FOUND_ON_THE_27TH,
        all_laws=False,
    ),
    Defect(
        id="vmap-explicit-mesh-empty",
        transform="jax.vmap",
        versions={"jax": ">=0.8.1,<0.11"},
        affects=calls_of("lax.empty.shape", any_axes),
        law="parallel.explicit-mesh",
        call=rule_call("lax.empty.shape", (0,), m=2, n=4),
        description=(
            "A map over an axis that is sharded over an Explicit mesh, of jax.lax.empty, raises "
            "ValueError: 'Resource axis: d of P('d', None) is not found in mesh: ()'."
        ),
        upstream=(
            f"{NOT_FOUND_ON_THE_27TH} 0.11.0 has another rule: "
            "https://github.com/jax-ml/jax/commit/967391f09e."
        ),
        all_laws=False,
    ),
    Defect(
        id="vmap-explicit-mesh-searchsorted",
        transform="jax.vmap",
        versions={"jax": ">=0.7.2,<0.11.1"},
        affects=calls_of("lax.searchsorted", any_axes),
        law="parallel.explicit-mesh",
        call=rule_call("lax.searchsorted", (0, 0), m=3, n=4),
        description=(
            "A map over an axis that is sharded over an Explicit mesh, of jnp.searchsorted, raises "
            "ValueError: 'Resource axis: d of P('d', None) is not found in mesh: ()'."
        ),
        upstream=f"{NOT_FOUND_ON_THE_27TH} It works in 0.11.1, 0.11.2 and 0.12.",
        all_laws=False,
    ),
    Defect(
        id="vmap-explicit-mesh-slice",
        transform="jax.vmap",
        versions={"jax": ">=0.7.2,<0.9"},
        affects=calls_of("lax.dynamic_slice", _starts_apart),
        law="parallel.explicit-mesh",
        call=rule_call("lax.dynamic_slice", (0, 0, None), m=3, n=4),
        description=(
            "A map over an axis that is sharded over an Explicit mesh, of lax.dynamic_slice of which one "
            "start is mapped and another is not, raises ShardingTypeError: 'All operands should have the "
            "same sharding'."
        ),
        upstream=f"{NOT_FOUND_ON_THE_27TH} It works in 0.9.0.",
        all_laws=False,
    ),
    Defect(
        id="vmap-explicit-mesh-gather",
        transform="jax.vmap",
        versions={"jax": ">=0.7.2,<0.10.1"},
        affects=calls_of(
            ("lax.gather", "lax.gather.pairs"), lambda axes: not set(axes) <= {0, None}
        ),
        law="parallel.explicit-mesh",
        call=rule_call("lax.gather", (1, 0), m=5, n=2, k=3),
        description=(
            "A map over an axis that is sharded over an Explicit mesh and is not in front, of an array that "
            "is indexed by an array, raises ValueError: 'Sharding spec ('d',) implies that array axis 0 is "
            "partitioned 2 times, but does not evenly divide the dimension size 5'."
        ),
        upstream=f"{NOT_FOUND_ON_THE_27TH} It works in 0.10.1.",
        all_laws=False,
    ),
    Defect(
        id="vmap-explicit-mesh-solve-by-constant",
        transform="jax.vmap",
        versions={"jax": ">=0.7.1"},
        affects=calls_of("lax.triangular_solve.by-constant", any_axes),
        law="parallel.explicit-mesh",
        call=rule_call("lax.triangular_solve.by-constant", (0,)),
        description=(
            "A map over an axis that is sharded over an Explicit mesh, of jnp.linalg.solve, "
            "solve_triangular or lu_solve whose matrix is a constant, such as a NumPy array, raises "
            "ValueError: 'Resource axis: d of P(None, 'd') is not found in mesh: ()'; before 0.9 "
            "ShardingTypeError: 'Input 1 to triangular_solve must be unsharded on non-batch dimensions'."
        ),
        upstream=(
            "No report of it was found on jax-ml/jax on 2026-11-28. "
            "https://github.com/jax-ml/jax/pull/38080 (merged) mended the rule of sharding for "
            "further batch dimensions."
        ),
        all_laws=False,
    ),
    Defect(
        id="vmap-explicit-mesh-pad",
        transform="jax.vmap",
        versions={"jax": ">=0.7.2"},
        affects=calls_of("lax.pad", lambda axes: axes[0] is None and axes[1] is not None),
        law="parallel.explicit-mesh",
        call=rule_call("lax.pad", (None, 0), m=2, n=4),
        description=(
            "A map over an axis that is sharded over an Explicit mesh, of lax.pad of what all examples "
            "share by a value that is mapped, raises ShardingTypeError: 'select cases must have the same "
            "shardings'."
        ),
        upstream=NOT_FOUND_ON_THE_27TH,
        all_laws=False,
    ),
    Defect(
        id="vmap-device-put-on-an-explicit-mesh",
        transform="jax.vmap",
        versions={"jax": ">=0.10.2"},
        affects=calls_of("lax.device_put.on-a-mesh", any_axes),
        law="mapping.equals-per-example",
        call=rule_call("lax.device_put.on-a-mesh", (0,)),
        description=(
            "On an Explicit mesh a map of jax.device_put(x, NamedSharding(mesh, P('y'))) shards the batch "
            "axis of the whole over y in place of the first axis of each example, silently: the spec of "
            "one example is taken for that of the batch, and how the batch was sharded is lost. "
            "jax.sharding.reshard does it right."
        ),
        upstream=f"{NOT_FOUND_ON_THE_30TH} Releases from 0.9.2 on do the same.",
    ),
    Defect(
        id="vmap-convolution-of-out-sharding",
        transform="jax.vmap",
        versions={"jax": ">=0.10.2"},
        affects=calls_of("lax.conv_general_dilated.on-a-mesh", any_axes),
        law="mapping.equals-per-example",
        call=rule_call("lax.conv_general_dilated.on-a-mesh", (0,)),
        description=(
            "On an Explicit mesh a map of lax.conv_general_dilated(..., out_sharding=P('y')) gives the "
            "sharding that is said of one example's first axis to the batch axis of the whole where the "
            "batch is not sharded, silently. Where the batch is sharded, a spec that is shorter than the "
            "result has axes, such as P(), raises IndexError: 'tuple index out of range'; without a map it "
            "means what P(None, None, None) does, and that works."
        ),
        upstream=NOT_FOUND_ON_THE_30TH,
    ),
    *(
        Defect(
            id=f"vmap-explicit-mesh-{name}",
            transform="jax.vmap",
            versions={"jax": versions},
            affects=calls_of(subjects, any_axes),
            law="parallel.explicit-gradients",
            call=call,
            description=f"Over an Explicit mesh, {what}",
            upstream="No report of it was found on jax-ml/jax on 2026-11-29.",
            all_laws=False,
        )
        for name, versions, subjects, call, what in (
            (
                *("sort-gradient", ">=0.8.1,<0.11.1", ("sort", "lax.sort", "lax.sort.several")),
                FunctionCall("sort", {AXIS: 4, "m": 2, "n": 3}, (Axes((0,), 0),)),
                (
                    "the gradient of a map of a sort raises ShardingTypeError: 'Arguments to sort must have "
                    "equal shardings'. So does the gradient of the sort of a whole batch."
                ),
            ),
            (
                *("scan-gradient", ">=0.7.2,<0.8", ("lax.scan",)),
                rule_call("lax.scan", (0, 1), n=4),
                (
                    "a map of the gradient of a scan raises a bare AssertionError where gradients of two "
                    "shardings are added. It works in 0.7.1 and 0.8.0."
                ),
            ),
            (
                *("empty-gradient", "==0.8.0", ("lax.empty.shape",)),
                rule_call("lax.empty.shape", (0,), n=2),
                (
                    "the gradient of a map of jax.lax.empty raises ValueError: 'Resource axis: d of "
                    "PartitionSpec('d', None) is not found in mesh'. Since 0.8.1 the map does."
                ),
            ),
        )
    ),
    Defect(
        id="linen-vmap-keys-beside-divided-weights",
        transform="flax.linen.vmap",
        versions={"flax": ">=0.12.7"},
        affects=lambda call: call.subject_name == _SHARED_INPUT,
        law="sharing.documented-uses",
        call=ModuleCall(_SHARED_INPUT, {"batch": 2, "m": 2}, (Axes((0,)),), {}, {}),
        description=(
            "An ensemble whose parameters are divided over an Explicit mesh, and whose one input is not "
            "mapped, raises ValueError, 'Mapped away dimension of inputs passed to vmap should be sharded "
            "the same', where a stream of keys is split, with spmd_axis_name, too. nn.vmap divides the keys "
            "as its arguments are, and does not look at the variables."
        ),
        upstream=(
            "No report of this was found on google/flax on 2026-11-30; "
            "https://github.com/google/flax/commit/7551bfc3 divides the keys beside arguments."
        ),
        all_laws=False,
    ),
)
