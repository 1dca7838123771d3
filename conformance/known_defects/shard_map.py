"""Known defects of functions of the catalogue, and of draws, that are mapped over devices."""

import contextlib

import attrs
import jax

from conformance.known_defects.defect import Defect
from conformance.known_defects.minimal_calls import (
    EMPTY_OPERANDS,
    NOT_FOUND,
    NOT_FOUND_LATER,
    NOT_FOUND_ON_THE_28TH,
    RANDOM_BITS,
    any_axes,
    calls_of,
    has_empty_operands,
    has_no_elements,
    rule_call,
    square_call,
)
from conformance.transforms.jax import shard_map
from properties.call import Axes, Call, FunctionCall, ModuleCall

_HIGH_PRODUCTS = ("lax.mulhi", "lax.philox2x32", "lax.philox4x32")
_LOOPS_INSIDE = (
    *("lax.searchsorted", "lax.lt_to", "lax.eq_to"),
    *("lax.igamma", "lax.igammac", "lax.igamma_grad_a", "lax.random_gamma_grad"),
)
_GRADIENTS_REPORT = "https://github.com/jax-ml/jax/issues/28193 (closed)"
_NAMED_INSIDE = ("psum", "pmax", "pmin", "all_gather", "all_to_all", "ppermute", "reduce_scatter")


def _names_an_axis_inside(call: Call) -> bool:
    _, _, rule = call.subject_name.partition("lax.")
    return rule.partition(".")[0] in _NAMED_INSIDE


def _loop_gathers(call: Call) -> bool:
    """Whether the mapped function has a loop, and gathers what an index that differs says."""
    if call.subject_name == "lax.scan.indexed":
        return True
    if isinstance(call, ModuleCall) or call.subject.own is None:
        return False
    (axes,) = call.axes
    with contextlib.suppress(Exception):  # what cannot be traced is not compiled
        mapped = jax.vmap(call.subject.function, axes.leading.in_axes)
        program = str(jax.make_jaxpr(mapped)(*call.batch_first(axes)))
        return "gather[" in program and ("scan[" in program or "while[" in program)
    return False


def _gradient_inside_raises(call: Call) -> bool:
    """Whether the mapped function takes a gradient that `shard_map` refuses, as its message says."""
    if isinstance(call, ModuleCall):
        return False
    (axes,) = call.axes
    try:
        mapped = shard_map.map_function(call.subject.function, axes.leading)
        jax.eval_shape(mapped, *call.batch_first(axes))
    except ValueError as error:
        return "for argument to vjp function" in str(error)
    except Exception:  # what raises otherwise is another defect, or none
        return False
    return False


SHARD_MAP: tuple[Defect, ...] = (
    Defect(
        id="shard-map-high-products",
        transform="jax.shard_map",
        versions={"jax": ">=0.10.2"},
        affects=calls_of(_HIGH_PRODUCTS, any_axes),
        law="parallel.shard-map-agrees",
        call=attrs.evolve(rule_call("lax.mulhi", (0, 0), m=2, n=4), dtype="uint32"),
        description=(
            "lax.mulhi (since 0.10.2) raises JaxRuntimeError on CPU: INTERNAL: Unable to convert "
            "MHLO to StableHLO. The Philox PRNGs use it."
        ),
        upstream=NOT_FOUND,
        platform="cpu",
    ),
    Defect(
        id="pmap-philox",
        transform="jax.pmap",
        versions={"jax": ">=0.10.2"},
        affects=lambda call: "philox" in call.subject_name,
        law="randomness.keys-draw-independently",
        call=FunctionCall("draw-uniform-philox4x32", {"batch": 3, "m": 2}, (Axes((0, 0), 0),)),
        description=(
            "Drawing from a key of philox2x32 or philox4x32 raises JaxRuntimeError on CPU: "
            "INTERNAL: Unable to convert MHLO to StableHLO. lax.mulhi, which they use, cannot be "
            "compiled within pmap."
        ),
        upstream=NOT_FOUND,
        platform="cpu",
    ),
    Defect(
        id="shard-map-names-inside",
        transform="jax.shard_map",
        versions={"jax": ">=0.8.1"},
        affects=_names_an_axis_inside,
        law="parallel.shard-map-agrees",
        call=rule_call("lax.psum", (0,), n=4),
        description=(
            "A collective along the axis of a vmap inside shard_map, which involves no other "
            "device, raises a bare AssertionError (on 0.8.1: TypeError about axis_index_groups). It "
            "works up to 0.5.3, and with check_vma=False."
        ),
        upstream=(
            f"{NOT_FOUND} https://github.com/jax-ml/jax/issues/34249 (closed) is of vmap around "
            "shard_map."
        ),
    ),
    Defect(
        id="shard-map-names-inside-eagerly",
        transform="jax.shard_map",
        versions={"jax": ">=0.6.1,<0.8.1,!=0.6.2"},
        affects=lambda call: call.eager and _names_an_axis_inside(call),
        law="parallel.shard-map-agrees",
        call=attrs.evolve(rule_call("lax.all_gather", (0,), n=4), eager=True),
        description=(
            "A collective along the axis of a vmap inside shard_map raises KeyError with the axis's "
            "name where shard_map is called without jit. It works under jit, and with "
            "check_vma=False."
        ),
        upstream=NOT_FOUND_LATER,
    ),
    Defect(
        id="shard-map-names-inside-at-first",
        transform="jax.shard_map",
        versions={"jax": "==0.6.0"},
        affects=_names_an_axis_inside,
        law="parallel.shard-map-agrees",
        call=rule_call("lax.all_gather", (0,), n=4),
        description=(
            "A collective along the axis of a vmap inside shard_map raises KeyError with the axis's "
            "name, under jit too. It works with check_vma=False."
        ),
        upstream=NOT_FOUND_LATER,
    ),
    Defect(
        id="shard-map-empty-result-unreadable",
        transform="jax.shard_map",
        versions={"jax": ">=0.7,<0.11.2"},
        affects=lambda call: (
            call.eager and (call.subject_name == "lax.empty" or has_no_elements(call))
        ),
        # The map of `jit` is called without jit, too.
        explains=has_no_elements,
        law="mapping.no-elements",
        call=FunctionCall("square", {"batch": 3, "m": 0, "n": 4}, (Axes((0,), 0),), eager=True),
        description=(
            "Without jit, a result of size zero cannot be read: np.asarray raises ValueError, "
            "'could not broadcast input array from shape (3,0,4) into shape (1,0,4)'. Before 0.9.1 the "
            "call raises AssertionError, 'Unexpected XLA sharding override'. The cause is that of "
            "vmap-empty-shards-unreadable."
        ),
        upstream="No report of this was found on jax-ml/jax on 2026-11-25.",
    ),
    Defect(
        id="shard-map-empty-operands",
        transform="jax.shard_map",
        versions={"jax": ">=0.7"},
        affects=has_empty_operands,
        law="mapping.no-elements",
        call=FunctionCall("dot-product", {"batch": 3, "n": 0}, (Axes((0, 0), 0),)),
        description=EMPTY_OPERANDS,
        upstream=NOT_FOUND_ON_THE_28TH,
    ),
    Defect(
        id="shard-map-loops-inside",
        transform="jax.shard_map",
        versions={"jax": ">=0.6,<0.7"},
        affects=calls_of(_LOOPS_INSIDE, any_axes),
        law="parallel.shard-map-agrees",
        call=rule_call("lax.searchsorted", (0, 0), m=2),
        description=(
            "jnp.searchsorted, lax.igamma and functions that use them raise TypeError about the "
            "carry of a loop where their arguments differ between devices. It works since 0.7.0."
        ),
        upstream="https://github.com/jax-ml/jax/issues/29881 (closed) is the same of random.choice.",
    ),
    Defect(
        id="shard-map-gradients-inside",
        transform="jax.shard_map",
        versions={"jax": ">=0.6,<0.6.1"},
        affects=_gradient_inside_raises,
        law="parallel.shard-map-agrees",
        call=rule_call("lax.remat_opt", (0,), n=3),
        description=(
            "A gradient inside shard_map, of values that differ between devices, raises ValueError, "
            "'unexpected JAX type (e.g. shape/dtype) for argument to vjp function'. It works since "
            "0.6.1."
        ),
        upstream=_GRADIENTS_REPORT,
    ),
    Defect(
        id="shard-map-map-of-gradient",
        transform="jax.shard_map",
        versions={"jax": ">=0.6,<0.6.1"},
        affects=lambda call: True,
        law="gradients.per-example",
        call=square_call(0, 0),
        description=(
            "jax.grad inside shard_map, of values that differ between devices, raises ValueError, "
            "'unexpected JAX type (e.g. shape/dtype) for argument to vjp function', for every function. "
            "It works since 0.6.1."
        ),
        upstream=_GRADIENTS_REPORT,
        all_laws=False,
    ),
    Defect(
        id="shard-map-jacrev",
        transform="jax.shard_map",
        versions={"jax": ">=0.6.1,<0.7"},
        affects=calls_of("lax.custom_jvp_call.zero-slopes", any_axes),
        law="parallel.shard-map-agrees",
        call=rule_call("lax.custom_jvp_call.zero-slopes", (0, 0)),
        description=(
            "jax.jacrev and jax.hessian inside shard_map, of values that differ between devices, raise "
            "ValueError, 'unexpected JAX type (e.g. shape/dtype) for argument to vjp function', for every "
            "function. jax.grad works since 0.6.1, these since 0.7."
        ),
        upstream="https://github.com/jax-ml/jax/issues/29832 (closed)",
    ),
    Defect(
        id="shard-map-betainc",
        transform="jax.shard_map",
        versions={"jax": ">=0.6,<0.12"},
        affects=calls_of("lax.regularized_incomplete_beta", any_axes),
        law="parallel.shard-map-agrees",
        call=rule_call("lax.regularized_incomplete_beta", (0, 0, 0), m=2, n=4),
        description=(
            "lax.betainc raises TypeError about the carry of a while_loop, which the caller did not "
            "write."
        ),
        upstream="https://github.com/jax-ml/jax/issues/31080 (closed) is the same of random.beta.",
    ),
    Defect(
        id="shard-map-random-gamma",
        transform="jax.shard_map",
        versions={"jax": ">=0.6,<0.7.1"},
        affects=calls_of(("lax.random_gamma", "lax.random_gamma.log"), any_axes),
        law="parallel.shard-map-agrees",
        call=rule_call("lax.random_gamma", (0, 0), m=2),
        description=(
            "random.gamma raises TypeError about the carry of a while_loop where key and shape "
            "parameter differ between devices."
        ),
        upstream="https://github.com/jax-ml/jax/issues/31080 (closed)",
    ),
    Defect(
        id="shard-map-rng-bit-generator",
        transform="jax.shard_map",
        versions={"jax": ">=0.6,<0.8"},
        affects=calls_of(RANDOM_BITS, any_axes),
        law="parallel.shard-map-agrees",
        call=rule_call("lax.rng_bit_generator", (0,)),
        description=(
            "lax.rng_bit_generator of a key that differs between devices raises a bare "
            "AssertionError."
        ),
        upstream=f"{NOT_FOUND} It works since 0.8.0.",
    ),
    Defect(
        id="shard-map-update-of-own-slice",
        transform="jax.shard_map",
        versions={"jax": ">=0.12"},
        affects=lambda call: (
            call.subject_name == "lax.keys.places" and call.axes[0].out_axes not in (0, None)
        ),
        law="parallel.shard-map-agrees",
        call=FunctionCall("lax.keys.places", {"batch": 2, "m": 2}, (Axes((0, 0), 1),), seed=10),
        description=(
            "Silently wrong values on CPU: an array is updated with a slice of itself and returned "
            "along another axis, which for one example per device is a reshape. The cause is that "
            "of vmap-update-of-own-slice. It happens within shard_map since 0.12.0."
        ),
        upstream="https://github.com/openxla/xla/issues/49176 (open)",
        platform="cpu",
    ),
    Defect(
        id="shard-map-gather-in-a-loop-dies",
        transform="jax.shard_map",
        versions={"jax": "<0.4.31"},
        affects=_loop_gathers,
        law="parallel.shard-map-agrees",
        call=rule_call("lax.scan.indexed", (0, 0)),
        description=(
            "A loop that indexes by what it carries, as a path is traced back, ends the process in XLA "
            "where it is mapped within shard_map: Check failed: !to_merge.IsTuple() && "
            "!to_merge.IsManual(). It works since 0.4.31."
        ),
        upstream="No report of this was found on openxla/xla or jax-ml/jax on 2026-11-27.",
        crashes_process=True,
        platform="cpu",
    ),
)
