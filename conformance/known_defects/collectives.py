"""Known defects of collectives under a map."""

from conformance.known_defects.defect import Defect
from conformance.known_defects.minimal_calls import (
    NOT_FOUND,
    NOT_FOUND_ON_THE_27TH,
    NOT_FOUND_ON_THE_30TH,
    any_axes,
    calls_of,
)
from properties.call import Axes, FunctionCall
from properties.laws.collectives import between

_PBROADCAST_IN_VMAP = (
    "lax.pbroadcast under a map raises TypeError, with jit and without: 'take requires ndarray or scalar "
    "arguments, got <class 'list'>'. Its batching rule gives the source's place as a list."
)
_NEGATIVE = ("psum-scatter-negative", "all-to-all-negative")
_NEGATIVE_UPSTREAM = (
    "https://github.com/jax-ml/jax/issues/20125 and https://github.com/jax-ml/jax/issues/19720; mended by "
    "https://github.com/jax-ml/jax/pull/38998."
)
COLLECTIVES: tuple[Defect, ...] = (
    *(
        Defect(
            id=f"{transform.split('.')[-1]}-pbroadcast{'-linen' * transform.startswith('flax')}",
            transform=transform,
            versions={"jax": ">=0.4.30"},
            affects=calls_of("pbroadcast", any_axes),
            law="collectives.equal-plain-reductions",
            call=FunctionCall(
                "pbroadcast", {"batch": 3, "m": 2, "n": 4}, (Axes((0,), 0, "batch"),)
            ),
            description=description,
            upstream=NOT_FOUND,
        )
        for transform, description in (
            ("jax.vmap", _PBROADCAST_IN_VMAP),
            ("flax.linen.vmap", _PBROADCAST_IN_VMAP),
            (
                "jax.pmap",
                (
                    "lax.pbroadcast takes each letter of the axis name for a name and raises NameError, "
                    "'unbound axis name: b'. Where the name has one letter, its gradient raises TypeError, "
                    "here and under shard_map, when it is traced: 'full must be called with scalar "
                    "fill_value' (seen from 0.7.0 to 0.12.0.1, not in 0.4.30)."
                ),
            ),
        )
    ),
    *(
        Defect(
            id=f"{name}-all-to-all-of-shared",
            transform=transform,
            versions={"jax": ">=0.4.30"},
            affects=lambda call: call.subject_name.startswith("all-to-all"),
            law="collectives.unmapped-operand",
            call=FunctionCall("all-to-all", {"batch": 3, "n": 2}, (Axes((0,), 0, "batch"),)),
            description=(
                "lax.all_to_all of an operand that is not mapped silently gives an array of the "
                "wrong shape, (3, 3, 2, 3, 2) for (3, 3, 2): its batching rule broadcasts along all "
                "axes. pmap gives the right shape. Mapping a gradient through it, whose cotangent "
                "is not mapped, fails in the same way."
            ),
            upstream=NOT_FOUND,
            all_laws=False,
        )
        for name, transform in (("vmap", "jax.vmap"), ("linen-vmap", "flax.linen.vmap"))
    ),
    *(
        Defect(
            id=f"{name}-open-permutation",
            transform=transform,
            versions={"jax": ">=0.4.30"},
            affects=lambda call: call.subject_name == "ppermute-open",
            law="collectives.equal-plain-reductions",
            call=FunctionCall(
                "ppermute-open", {"batch": 3, "m": 2, "n": 4}, (Axes((0,), 0, "batch"),)
            ),
            description=(
                "lax.ppermute with a permutation that leaves out some examples raises a bare "
                "AssertionError: Permutation doesn't match the axis size! By its documentation, and "
                "under pmap, those examples get zeros."
            ),
            upstream=f"{NOT_FOUND} https://github.com/jax-ml/jax/issues/8688 (closed) met the same rule.",
        )
        for name, transform in (("vmap", "jax.vmap"), ("linen-vmap", "flax.linen.vmap"))
    ),
    Defect(
        id="pmap-empty-permutation-dies",
        transform="jax.pmap",
        versions={"jax": "<0.4.33"},
        affects=lambda call: call.subject_name == "ppermute-open" and call.sizes["batch"] == 1,
        law="collectives.equal-plain-reductions",
        call=FunctionCall("ppermute-open", {"batch": 1, "m": 2, "n": 4}, (Axes((0,), 0, "batch"),)),
        description=(
            "lax.ppermute with an empty permutation, as of one device to the next, ends the process "
            "in XLA on CPU: Check failed: mapping.size() == 2. It works since 0.4.33."
        ),
        upstream=(
            "No report of this was found on jax-ml/jax or openxla/xla on 2026-11-26. "
            "https://github.com/openxla/xla/pull/47083 (closed) is of the same operation on GPU."
        ),
        crashes_process=True,
    ),
    Defect(
        id="pmap-all-to-all-gradient",
        transform="jax.pmap",
        versions={"jax": ">=0.4.30"},
        affects=lambda call: call.subject_name in ("all-to-all-across", "all-to-all-negative"),
        law="collectives.gradients",
        call=FunctionCall("all-to-all-across", {"batch": 3, "n": 2}, (Axes((0,), 0, "batch"),)),
        description=(
            "The gradient through lax.all_to_all that splits one axis and concatenates another is "
            "wrong: before 0.9 it silently has another shape, (3, 3, 1) for (3, 3, 3); since then "
            "it raises ValueError about the type of a cotangent. vmap gives the right gradient."
        ),
        upstream="https://github.com/jax-ml/jax/issues/15982 (closed) is the like in shard_map.",
        all_laws=False,
    ),
    *(
        Defect(
            id=f"{name}-collective-of-a-negative-axis{suffix}",
            transform=transform,
            versions={"jax": versions},
            affects=lambda call: call.subject_name in _NEGATIVE,
            law="collectives.equal-plain-reductions",
            call=FunctionCall(
                "psum-scatter-negative", {"batch": 3, "n": 2}, (Axes((0,), 0, "batch"),)
            ),
            description=(
                "lax.psum_scatter and lax.all_to_all do not count negative axes from the end, as "
                f"lax.all_gather does: {what}. Both work since 0.11."
            ),
            upstream=_NEGATIVE_UPSTREAM,
        )
        for name, transform in (("vmap", "jax.vmap"), ("linen-vmap", "flax.linen.vmap"))
        for suffix, versions, what in (
            (
                "",
                "<0.10",
                (
                    "psum_scatter with tiled=True silently gives an array of another shape, (1, 2, 3) for "
                    "(2, 1, 3), and all_to_all raises"
                ),
            ),
            ("-raises", ">=0.10,<0.11", "both raise"),
        )
    ),
    Defect(
        id="pmap-psum-scatter-of-a-negative-axis",
        transform="jax.pmap",
        versions={"jax": "<0.11"},
        affects=lambda call: call.subject_name == "psum-scatter-negative",
        law="collectives.equal-plain-reductions",
        call=FunctionCall("psum-scatter-negative", {"batch": 3, "n": 2}, (Axes((0,), 0, "batch"),)),
        description=(
            "lax.psum_scatter with a negative scatter_dimension ends in an error of the compiler: "
            "expects scatter_dimension >= 0."
        ),
        upstream=_NEGATIVE_UPSTREAM,
    ),
    Defect(
        id="pmap-all-to-all-of-negative-axes-dies",
        transform="jax.pmap",
        versions={"jax": "<0.11"},
        affects=lambda call: call.subject_name == "all-to-all-negative",
        law="collectives.equal-plain-reductions",
        call=FunctionCall("all-to-all-negative", {"batch": 3, "n": 2}, (Axes((0,), 0, "batch"),)),
        description=(
            "lax.all_to_all with negative axes reads a size outside of the array's shape: as chance has "
            "it, the process ends in a segmentation fault, or an error of the compiler names a size such "
            "as 140729356087616."
        ),
        upstream=_NEGATIVE_UPSTREAM,
        crashes_process=True,
    ),
    *(
        Defect(
            id=f"{name}-psum-scatter-of-a-later-axis",
            transform=transform,
            versions={"jax": ">=0.4.30"},
            affects=lambda call: call.subject_name == "psum-scatter" and between(call)[0] == -1,
            law="collectives.map-between",
            call=FunctionCall(
                "psum-scatter", {"batch": 3, "n": 2}, (Axes((0,), 0, "batch"),), seed=5
            ),
            description=(
                "lax.psum_scatter under jax.vmap, within a map that has its axis name, raises "
                "IndexError (before, ValueError: axis out of bounds) where vmap's axis comes after "
                "the scattered one, which the result does not have: its batching rule does not count "
                "that axis down. With tiled=True it works."
            ),
            upstream=NOT_FOUND_ON_THE_27TH,
            all_laws=False,
        )
        for name, transform in (
            ("vmap", "jax.vmap"),
            ("linen-vmap", "flax.linen.vmap"),
            ("pmap", "jax.pmap"),
        )
    ),
    *(
        Defect(
            id=f"{name}-over-two-names",
            transform=transform,
            versions={"jax": ">=0.4.30"},
            affects=lambda call: call.subject_name.startswith(
                ("all-gather", "psum-scatter", "ppermute")
            ),
            law="collectives.over-two-names",
            call=FunctionCall("psum-scatter", {"batch": 3, "n": 2}, (Axes((0,), 0, "batch"),)),
            description=(
                "Over the names of two nested maps, the inner one vmap, lax.all_gather and "
                "lax.psum_scatter raise a bare AssertionError, axis size doesn't match; "
                "lax.ppermute raises that or ValueError about sources that are not unique, or, of as "
                "many pairs as the outer map has examples, permutes these whole: silently wrong values. "
                "lax.psum, lax.all_to_all and lax.axis_index work."
            ),
            upstream=(
                f"{NOT_FOUND} https://github.com/jax-ml/jax/pull/6219 mended the like in xmap; a review of "
                "https://github.com/jax-ml/jax/pull/4835 foresaw the wrong values."
            ),
            all_laws=False,
        )
        for name, transform in (
            ("vmap", "jax.vmap"),
            ("linen-vmap", "flax.linen.vmap"),
            ("pmap", "jax.pmap"),
        )
    ),
    Defect(
        id="vmap-psum-scatter-of-another-size",
        transform="jax.vmap",
        versions={"jax": ">=0.4.30"},
        affects=lambda call: call.subject_name == "psum-scatter",
        law="errors.within-the-function",
        call=FunctionCall("psum-scatter", {"batch": 3, "n": 2}, (Axes((0,), 0, "batch"),)),
        description=(
            "lax.psum_scatter of 6 rows over an axis of 4 examples is not refused, as pmap and shard_map "
            "refuse it: it silently gives the whole sum, mapped over the 6 rows in the place of the 4 "
            "examples. With tiled=True it raises a bare AssertionError: (6, 4)."
        ),
        upstream=NOT_FOUND_ON_THE_30TH,
        all_laws=False,
    ),
)
