"""Known defects of `jax.vmap` and of batching rules, in Flax's maps too where they show there."""

import attrs

from conformance.known_defects.defect import Defect
from conformance.known_defects.minimal_calls import (
    NOT_FOUND,
    NOT_FOUND_LATER,
    NOT_FOUND_ON_THE_27TH,
    RANDOM_BITS,
    any_axes,
    calls_of,
    empty_calls_of,
    every_axis,
    rule_call,
    square_call,
)
from properties.call import Axes, FunctionCall
from properties.laws.errors.calls import MANY

_DYNAMIC_SLICES = ("lax.dynamic_slice", "lax.dynamic_slice.fixed-start")
_SCALED = "lax.scaled_matmul_wrapper"
VMAP: tuple[Defect, ...] = (
    Defect(
        id="vmap-forward-derivative-of-custom-vmap",
        transform="jax.vmap",
        versions={"jax": ">=0.4.30"},
        affects=calls_of("lax.custom_vmap_call.forward", lambda axes: None in axes),
        law="mapping.equals-per-example",
        call=rule_call("lax.custom_vmap_call.forward", (0, None), m=2, n=4),
        description=(
            "Silently wrong results: a map of jax.jvp or jax.jacfwd of a custom_vmap function, where "
            "only primals or only tangents are mapped, gives results with the batch axis twice. JAX "
            "maps the function's rule once more, though the rule says that its results are batched."
        ),
        upstream=NOT_FOUND_ON_THE_27TH,
    ),
    Defect(
        id="vmap-callback-of-sequential-vmap",
        transform="jax.vmap",
        versions={"jax": "<0.8.2"},
        affects=lambda call: call.subject_name == "effect-callbacks-within",
        law="mapping.calls-back",
        call=FunctionCall("effect-callbacks-within", {"batch": 3}, (Axes((0, 0), 0),)),
        description=(
            "Silently left out: what a sequential_vmap or custom_vmap function calls back, by io_callback "
            "or jax.debug.callback, is not called under jax.jit where the function's result is not used, "
            "mapped or not."
        ),
        upstream="https://github.com/jax-ml/jax/commit/2040612567 is the fix, in jax 0.8.2.",
        all_laws=False,
    ),
    Defect(
        id="vmap-forward-derivative-of-sequential-vmap",
        transform="jax.vmap",
        versions={"jax": ">=0.4.30"},
        affects=calls_of("lax.custom_vmap_call.sequential", lambda axes: None in axes),
        law="mapping.equals-per-example",
        call=rule_call("lax.custom_vmap_call.sequential", (0, None), m=2, n=4),
        description=(
            "A map of jax.jvp or jax.jacfwd of a sequential_vmap function, where only primals or only "
            "tangents are mapped, raises 'scan got no values to scan over': its rule is called with "
            "no argument that is batched."
        ),
        upstream=NOT_FOUND_ON_THE_27TH,
    ),
    Defect(
        id="vmap-reduce-mapped-initial-value",
        transform="jax.vmap",
        versions={"jax": ">=0.4.30"},
        affects=calls_of("lax.reduce.initial", any_axes),
        law="mapping.equals-per-example",
        call=rule_call("lax.reduce.initial", (0, 0), m=2, n=4),
        description=(
            "lax.reduce with a mapped initial value raises NotImplementedError without a message."
        ),
        upstream="https://github.com/jax-ml/jax/issues/9266, closed",
    ),
    *(
        Defect(
            id=f"vmap-{name.split('.')[-1].replace('_', '-')}-batch-axes",
            transform="jax.vmap",
            versions={"jax": "<0.5.1"},
            affects=calls_of((name, f"{name}.upper"), any_axes),
            law="mapping.equals-per-example",
            call=rule_call(name, (0,), n=3),
            description=description,
            upstream=f"{NOT_FOUND} It works since 0.5.1.",
        )
        for name, description in (
            ("lax.hessenberg", "Mapping it raises TypeError: 'int' object is not iterable."),
            ("lax.tridiagonal", "Mapping it raises TypeError: 'int' object is not iterable."),
            (
                "lax.householder_product",
                (
                    "Mapping it gives an array whose batch axis is (0,): functions of that array raise "
                    "errors such as \"'NoneType' object has no attribute '_matmul'\"."
                ),
            ),
            (
                "lax.geqrf",
                "The product of its reflectors, lax.linalg.householder_product, cannot be mapped.",
            ),
        )
    ),
    Defect(
        id="vmap-clamp-by-its-last-operand",
        transform="jax.vmap",
        versions={"jax": ">=0.4.30"},
        affects=calls_of("lax.clamp.scalars", lambda axes: axes[:2] == (None, None)),
        law="mapping.equals-per-example",
        call=rule_call("lax.clamp.scalars", (None, None, 0)),
        description=(
            "lax.clamp of scalars, of which only the upper limit is mapped, raises TypeError: 'clamp "
            "requires max.shape == operand.shape or max.shape == (), got max.shape=(3,), "
            "operand.shape=()'. It works where only the lower limit is mapped, or both are."
        ),
        upstream=(
            "No report of it was found on jax-ml/jax on 2026-11-28; "
            "https://github.com/jax-ml/jax/issues/5325 (closed) is of the rule that it had before."
        ),
    ),
    *(
        Defect(
            id=f"vmap-clamp-{kind}-by-a-limit",
            transform="jax.vmap",
            versions={"jax": ">=0.4.30"},
            affects=calls_of("lax.clamp.scalars", lambda axes: axes.count(None) > 1),
            law=law,
            call=rule_call("lax.clamp.scalars", (None, 0, None)),
            description=(
                f"The {kind} of a map of lax.clamp of scalars, of which one alone is mapped, by another "
                "one raises TypeError: 'select cases must have the same shapes, got [(3,), ()]'. So does "
                f"the {kind} of lax.clamp of an array by a scalar limit. Of jnp.clip it works, and so "
                f"does the map of the {kind}."
            ),
            upstream="No report of it was found on jax-ml/jax on 2026-11-28.",
            all_laws=False,
        )
        for kind, law in (("gradient", "gradients.shared-sum"), ("tangent", "gradients.forward"))
    ),
    Defect(
        id="vmap-optimization-barrier",
        transform="jax.vmap",
        versions={"jax": ">=0.4.33,<0.4.38"},
        affects=calls_of("lax.optimization_barrier", any_axes),
        law="mapping.equals-per-example",
        call=rule_call("lax.optimization_barrier", (0, 0), m=2, n=3, k=2),
        description=(
            "lax.optimization_barrier, public since 0.4.33, raises NotImplementedError: 'Batching rule for "
            "'optimization_barrier' not implemented'. It works since 0.4.38."
        ),
        upstream="https://github.com/jax-ml/jax/issues/25365 (closed)",
    ),
    Defect(
        id="vmap-rng-bit-generator-of-none",
        transform="jax.vmap",
        versions={"jax": ">=0.4.30"},
        affects=empty_calls_of(RANDOM_BITS),
        law="mapping.axis-size",
        call=FunctionCall("lax.rng_bit_generator", {"batch": 0}, (Axes((0,), 0),)),
        description=(
            "lax.rng_bit_generator over a batch of size zero raises IndexError: 'index is out of "
            "bounds for axis 0 with size 0'."
        ),
        upstream=NOT_FOUND,
    ),
    Defect(
        id="vmap-psum-invariant",
        transform="jax.vmap",
        versions={"jax": ">=0.8.1,<0.9"},
        affects=calls_of(
            (
                *("lax.psum_invariant", "lax.psum_invariant.of-both", "lax.all_gather.of-both"),
                "lax.psum.gradients-over-devices",
                "placed-shard_map",
            ),
            any_axes,
        ),
        law="mapping.equals-per-example",
        call=rule_call("lax.psum_invariant", (0,), n=4),
        description=(
            "A map of a shard_map that sums over devices raises TypeError: "
            "_psum_invariant_abstract_eval() got an unexpected keyword argument 'axis_index_groups'."
        ),
        upstream="https://github.com/jax-ml/jax/issues/34249 (closed).",
    ),
    Defect(
        id="vmap-dce-sink",
        transform="jax.vmap",
        versions={"jax": ">=0.7,<0.8"},
        affects=calls_of("lax.dce_sink", any_axes),
        law="mapping.equals-per-example",
        call=rule_call("lax.dce_sink", (0,), m=2, n=4),
        description="Mapping lax.dce_sink (since 0.7.0) raises TypeError: 'int' object is not iterable.",
        upstream=f"{NOT_FOUND} It works since 0.8.0.",
    ),
    Defect(
        id="vmap-dce-sink-gradient",
        transform="jax.vmap",
        versions={"jax": ">=0.8,<0.11.1"},
        affects=calls_of("lax.dce_sink", any_axes),
        law="gradients.per-example",
        call=rule_call("lax.dce_sink", (0,), m=2, n=4),
        description=(
            "The batching rule of lax.dce_sink returns a result, and the primitive has none: "
            "mapping a gradient through it raises ValueError about the arguments of safe_zip."
        ),
        upstream=(
            "https://github.com/jax-ml/jax/issues/39501 (closed), met there in a loop's body; the "
            "gradient works since 0.11.1."
        ),
        all_laws=False,
    ),
    Defect(
        id="vmap-slice-gradient-past-the-end",
        transform="jax.vmap",
        versions={"jax": "<0.9"},
        affects=calls_of("lax.dynamic_update_slice.past-the-end", any_axes),
        explains=calls_of(_DYNAMIC_SLICES, any_axes),
        law="gradients.shared-sum",
        call=rule_call("lax.dynamic_update_slice.past-the-end", (0, 0, 0)),
        description=(
            "The gradient of a map of lax.dynamic_slice whose start is mapped and past the end, which is "
            "clipped, is silently zero for those examples."
        ),
        upstream=(
            "https://github.com/jax-ml/jax/issues/34228, fixed by https://github.com/jax-ml/jax/pull/34229"
        ),
        all_laws=False,
    ),
    Defect(
        id="vmap-update-of-own-slice",
        transform="jax.vmap",
        versions={"jax": ">=0.4.35"},
        affects=lambda call: (
            call.subject_name == "lax.keys.places"
            and 1 in (call.sizes["batch"], call.sizes["m"])
            and (call.axes[0].in_axes[0], call.axes[0].out_axes) != (0, 0)
        ),
        law="mapping.equals-per-example",
        call=FunctionCall("lax.keys.places", {"batch": 1, "m": 4}, (Axes((0, 0), 1),), seed=10),
        description=(
            "Silently wrong values on CPU: an array is updated with a slice of itself and then "
            "reshaped, or a batch axis is moved past axes of size one, or is itself of size one, "
            "which XLA treats as a reshape. XLA updates in place, and reads values that it has "
            "overwritten: jax.jit(lambda x, i: lax.dynamic_update_slice(x, x[:2], (i,)).reshape(4, "
            "1))(jnp.arange(4.0), 1) is 0, 0, 0, 3 for 0, 0, 1, 3. jax 0.4.34 has it right."
        ),
        upstream="https://github.com/openxla/xla/issues/49176 (open)",
        platform="cpu",
    ),
    Defect(
        id="vmap-none-keys-at-indices",
        transform="jax.vmap",
        versions={"jax": "<0.4.35"},
        affects=lambda call: (
            call.sizes["batch"] == 0 and calls_of("lax.keys.places", every_axis)(call)
        ),
        law="mapping.axis-size",
        call=attrs.evolve(rule_call("lax.keys.places", (0, 0), m=2), sizes={"batch": 0, "m": 2}),
        description=(
            "Indexing an array of typed keys over an empty batch raises an error that calls itself "
            "internal: 'canonicalize_dtype called on extended dtype key<fry>'."
        ),
        upstream=f"{NOT_FOUND} It works since 0.4.35.",
    ),
    *(
        Defect(
            id=f"{name}-axis-size-unchecked",
            transform=transform,
            versions={"jax": "<0.10", "flax": f">={flax}"},
            affects=lambda call: True,
            law="errors.axis-size",
            call=attrs.evolve(square_call(0, 0), axes=(Axes((0,), 0, None, {"axis_size": MANY}),)),
            description=(
                "An axis_size that differs from the size of the mapped axes is not refused: from 0.5 "
                "to 0.9.2 lax.pmean of three ones with axis_size=4 silently gives four times 0.75, "
                "and other functions raise errors of the compiler or the runtime; before 0.5 they "
                "raise a bare AssertionError such as (3, 4)."
            ),
            upstream=f"{NOT_FOUND} jax.vmap checks it since 0.10.0.",
            all_laws=False,
        )
        for name, transform, flax in (
            ("vmap", "jax.vmap", "0.8.5"),
            ("linen-vmap", "flax.linen.vmap", "0.8.5"),
            ("nnx-vmap", "flax.nnx.vmap", "0.10"),
        )
    ),
    Defect(
        id="vmap-empty-reduction-dies",
        transform="jax.vmap",
        versions={"jax": ">=0.8.1"},
        affects=lambda call: (
            call.subject_name in ("lax.reduce", "lax.reduce.initial")
            and call.sizes["batch"] == 0
            and all(axis is None for axis in call.axes[0].in_axes)
        ),
        law="mapping.axis-size",
        call=FunctionCall(
            "lax.reduce",
            {"batch": 0, "m": 3, "n": 5},
            (Axes((None,), 0, None, {"axis_size": 0}),),
        ),
        description=(
            "XLA's compiler ends the process with a segmentation fault for a lax.reduce of an empty "
            "result, as under a map with axis_size=0, whose computation calls another, as jnp.where "
            "does. Unmapped, "
            "jax.jit(lambda a: lax.reduce(a, -9.0, lambda x, y: jnp.where(x > y, x, y), (0,))[:0]) "
            "does it too."
        ),
        upstream=NOT_FOUND,
        crashes_process=True,
        all_laws=False,
    ),
    Defect(
        id="vmap-scaled-matmul-behind",
        transform="jax.vmap",
        versions={"jax": ">=0.11"},
        affects=calls_of(_SCALED, lambda axes: axes in [(n,) * 4 for n in (2, 3, -2, -1)]),
        law="mapping.equals-per-example",
        call=rule_call(_SCALED, (2, 2, 2, 2), m=3, n=3),
        description=(
            "jax.nn.scaled_matmul takes the batch axis for rows where all four arrays have it "
            "third: with as many rows and columns as examples it silently gives wrong values, else "
            "it raises TypeError about shapes. Where the axis is last in all four it raises "
            "TypeError."
        ),
        upstream=NOT_FOUND_LATER,
    ),
    Defect(
        id="vmap-scaled-matmul-differing-axes",
        transform="jax.vmap",
        versions={"jax": ">=0.11,<0.11.2"},
        affects=calls_of(_SCALED, lambda axes: len({a if a is None else a % 4 for a in axes}) > 1),
        law="mapping.equals-per-example",
        call=rule_call(_SCALED, (0, 0, 0, None), m=2, n=4),
        description=(
            "jax.nn.scaled_matmul raises a bare AssertionError where its four arrays do not have "
            "the same batch axis. It works since 0.11.2."
        ),
        upstream=NOT_FOUND_LATER,
    ),
    Defect(
        id="vmap-many-squared-norms",
        transform="jax.vmap",
        versions={"jax": "==0.10.2"},
        affects=lambda call: (
            call.subject_name in ("large-squared-norm", "large-squared-norm-of-both")
            and call.dtype == "float32"
            and 2**15 < call.sizes["batch"] < 2**16
            and (len(call.axes[0].in_axes) == 1 or call.axes[0].in_axes[0] is None)
        ),
        law="mapping.large-batch",
        call=FunctionCall("large-squared-norm", {"batch": 33_000}, (Axes((0,), 0),)),
        description=(
            "Silently wrong values on CPU: jax.jit(jax.vmap(lambda row: jnp.sum((m @ row) ** 2))) of "
            "33,000 rows, m of shape (3, 3), gives rows from number 32,768 on the results of other "
            "rows. Of the numbers of rows that were tried, 32,769 to 40,000 are wrong; 32,768 and "
            "49,151 are right. It was right in 0.9.2 and is right since 0.11.0."
        ),
        upstream="https://github.com/jax-ml/jax/issues/39103 (closed): 0.10.1 has it right.",
        platform="cpu",
    ),
    Defect(
        id="vmap-key-reuse-of-none",
        transform="jax.vmap",
        versions={"jax": "<0.10.2"},
        affects=lambda call: (
            call.subject_name == "lax.random_split.key-reuse"
            and call.sizes["batch"] == 0
            and call.eager
        ),
        law="mapping.axis-size",
        call=FunctionCall("lax.random_split.key-reuse", {"batch": 0}, (Axes((0,), 0),), eager=True),
        description=(
            "With jax.debug_key_reuse(True), a map over no keys that uses each key once raises "
            "KeyReuseError: 'Previously-consumed key passed to slice at index 0'."
        ),
        upstream=(
            "https://github.com/jax-ml/jax/issues/37859 (closed), fixed by "
            "https://github.com/jax-ml/jax/pull/38174"
        ),
        all_laws=False,
    ),
)
