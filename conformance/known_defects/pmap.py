"""Known defects of `jax.pmap`, and which of them `flax.nnx.pmap` has too."""

import attrs

from conformance.known_defects.defect import Defect
from conformance.known_defects.minimal_calls import (
    EMPTY_OPERANDS,
    NOT_FOUND,
    NOT_FOUND_ON_THE_28TH,
    NOT_FOUND_ON_THE_30TH,
    has_axis_out_of_range,
    has_empty_operands,
    has_negative_axis,
    has_negative_axis_not_in_front,
    has_no_elements,
    has_no_out_axis,
    square_call,
)
from properties.call import Axes, FunctionCall
from properties.laws.errors.calls import BEYOND

_PMAP_SAYS = (
    "The docstring of jax.pmap asks for non-negative axes; nothing checks it. No report of this was "
    "found on jax-ml/jax on 2026-11-21; https://github.com/jax-ml/jax/pull/3925 was the same for vmap."
)

PMAP: tuple[Defect, ...] = (
    Defect(
        id="pmap-negative-axis-wrong-answer",
        transform="jax.pmap",
        versions={"jax": ">=0.8.0"},
        affects=has_negative_axis_not_in_front,
        law="axes.negative-count-from-end",
        call=square_call(0, -1),
        description=(
            "pmap, which is jit of shard_map in these versions, silently gives an array of the "
            "wrong shape for out_axes=-1, (6, 4, 1) for (2, 4, 3); for in_axes=-1 it raises errors "
            "about shardings or squeezing."
        ),
        upstream=_PMAP_SAYS,
    ),
    Defect(
        id="pmap-negative-axis-bare-assertion",
        transform="jax.pmap",
        versions={"jax": "<0.8.0"},
        affects=has_negative_axis,
        law="axes.negative-count-from-end",
        call=square_call(-1, 0),
        description=(
            "A negative axis in in_axes or out_axes raises a bare AssertionError such as (-1, 2)."
        ),
        upstream=_PMAP_SAYS,
    ),
    Defect(
        id="pmap-axis-out-of-range",
        transform="jax.pmap",
        versions={"jax": ">=0.9.1"},
        affects=has_axis_out_of_range,
        law="errors.axis-out-of-range",
        call=square_call(BEYOND, 0),
        description=(
            "An axis that an argument does not have raises IndexError, 'tuple index out of range', "
            "which names neither the argument nor the axis."
        ),
        upstream=NOT_FOUND,
    ),
    Defect(
        id="pmap-out-axes-none-unchecked",
        transform="jax.pmap",
        versions={"jax": ">=0.4.30"},
        affects=has_no_out_axis,
        law="errors.out-axes-none",
        call=square_call(0, None),
        description=(
            "out_axes=None for a result that differs between devices silently gives the "
            "first device's."
        ),
        upstream="https://github.com/jax-ml/jax/issues/21671",
    ),
    Defect(
        id="pmap-in-jit-out-axes",
        transform="jax.pmap",
        versions={"jax": "<0.8.0"},
        affects=lambda call: call.axes[0].out_axes != 0,
        law="mapping.jit-agrees",
        call=square_call(0, 1),
        description="jit of pmap with out_axes other than 0 raises ValueError: 'Operation creation failed'.",
        upstream="https://github.com/jax-ml/jax/issues/5756 (still open; it works since 0.8.0)",
        all_laws=False,
    ),
    Defect(
        id="pmap-in-jit-zeros",
        transform="jax.pmap",
        versions={"jax": "<0.8.0"},
        affects=lambda call: call.edge_values,
        law="mapping.jit-agrees",
        call=FunctionCall(
            "sort",
            {"batch": 4, "m": 3, "n": 5},
            (Axes((2,), 0),),
            seed=199464378,
            edge_values=True,
        ),
        description=(
            "jit of pmap gives 0.0 for -0.0 and for subnormal numbers, which pmap alone keeps: it "
            "adds the devices' results, with zeros in place of those of the other devices."
        ),
        upstream=(
            f"{NOT_FOUND} It does not happen since 0.8.0. That subnormal numbers may be flushed is "
            "documented (https://github.com/jax-ml/jax/pull/26668), the sign of zero is not."
        ),
        all_laws=False,
    ),
    Defect(
        id="pmap-empty-result-unreadable",
        transform="jax.pmap",
        versions={"jax": ">=0.9.1,<0.11.2"},
        affects=has_no_elements,
        law="mapping.no-elements",
        call=FunctionCall("square", {"batch": 3, "m": 0, "n": 4}, (Axes((0,), 0),)),
        description=(
            "A result without elements cannot be read: np.asarray raises ValueError, 'could not "
            "broadcast input array from shape (3,0,4) into shape (1,0,4)'. The cause is that of "
            "vmap-empty-shards-unreadable."
        ),
        upstream=NOT_FOUND_ON_THE_28TH,
    ),
    Defect(
        id="pmap-empty-operands",
        transform="jax.pmap",
        versions={"jax": ">=0.8.0"},
        affects=has_empty_operands,
        law="mapping.no-elements",
        call=FunctionCall("dot-product", {"batch": 3, "n": 0}, (Axes((0, 0), 0),)),
        description=EMPTY_OPERANDS,
        upstream=NOT_FOUND_ON_THE_28TH,
    ),
    Defect(
        id="pmap-axes-of-leaves",
        transform="jax.pmap",
        versions={"jax": ">=0.9.1"},
        affects=lambda call: True,
        all_laws=False,
        law="axes.none-beside-a-tree",
        call=FunctionCall("matrix-add", {"batch": 3, "m": 2, "n": 4}, (Axes((0, 0), 0),)),
        description=(
            "Silently wrong results where there are as many arguments as leaves of all arguments, "
            "and an argument has several: each leaf gets the axis of the argument in its place. "
            "pmap(f, in_axes=(0, None))((x, y), None) maps x alone, and jax.vmap maps both."
        ),
        upstream=NOT_FOUND_ON_THE_30TH,
    ),
)


def of_nnx(defect: Defect) -> Defect:
    """What `nnx.pmap`, which calls `jax.pmap`, has of it."""
    versions = {**defect.versions, "flax": ">=0.10"}
    return attrs.evolve(defect, id=f"nnx-{defect.id}", transform="flax.nnx.pmap", versions=versions)
