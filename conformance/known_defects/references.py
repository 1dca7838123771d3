"""Known defects of maps of Refs."""

import attrs

from conformance.known_defects.defect import Defect
from conformance.known_defects.minimal_calls import (
    NOT_FOUND,
    NOT_FOUND_ON_THE_27TH,
    NOT_FOUND_ON_THE_30TH,
    any_axes,
    calls_of,
    empty_calls_of,
    rule_call,
)
from properties.call import Axes, FunctionCall

_REF_INDEXED = ("lax.get", "lax.swap", "lax.addupdate")
_BESIDE_NUMBER = ("lax.get.beside-number", "lax.swap.beside-number")
_INDEXED = (
    *_REF_INDEXED,
    *(f"{name}.{kind}" for name in _REF_INDEXED for kind in ("indexers", "arrays")),
    *_BESIDE_NUMBER,
    "lax.get.outside",
    "lax.swap.given",
    "lax.addupdate.within",
)
"""Subjects that index a Ref."""


def _is_without_jit(call: FunctionCall) -> bool:
    # A swap is mapped without jit where jit raises, which is an error that names a way out.
    of_refs = ("lax.new_ref", *_INDEXED)
    return call.subject_name in of_refs and (call.eager or call.subject_name == "lax.swap")


def _is_beside_number_under_jit(call: FunctionCall) -> bool:
    affected = calls_of(_BESIDE_NUMBER, lambda axes: axes[1] is not None)
    return affected(call) and not call.eager


REFERENCES: tuple[Defect, ...] = (
    Defect(
        id="vmap-ref-write-transposed",
        transform="jax.vmap",
        versions={"jax": ">=0.8.0,<0.11.1"},
        affects=calls_of("lax.new_ref", lambda axes: bool(axes[0]) and axes[1] != axes[0]),
        law="mapping.equals-per-example",
        call=rule_call("lax.new_ref", (1, 0), m=3, n=3),
        description=(
            "A whole-array write to a Ref whose batch axis is not in front does not move the "
            "value's batch axis there: where the sizes are equal the result is silently transposed, "
            "else it raises 'Invalid shape for `swap`'."
        ),
        upstream=(
            "https://github.com/jax-ml/jax/issues/39288 (the error, for 0.11.0), fixed by "
            "https://github.com/jax-ml/jax/pull/39293"
        ),
    ),
    Defect(
        id="vmap-ref-indexed",
        transform="jax.vmap",
        versions={"jax": ">=0.8.0,<0.10.1"},
        affects=calls_of(_INDEXED, any_axes),
        explains=lambda call: call.subject_name == "program-references",
        law="mapping.equals-per-example",
        call=rule_call("lax.get", (0, 0), m=2, n=4),
        description=(
            "A Ref that is indexed by an integer under a map fails: in 0.8.0 and 0.8.1 ref[i] "
            "silently gives a wrong result and a write raises 'Invalid shape'; from 0.8.2 on a "
            "mapped index raises ValueError, 'Indexer must have rank 1'. It works in 0.7.2 and "
            "since 0.10.1."
        ),
        upstream=(
            "https://github.com/jax-ml/jax/issues/33309, fixed by "
            "https://github.com/jax-ml/jax/pull/37113"
        ),
    ),
    *(
        Defect(
            id=f"vmap-{name.removeprefix('lax.')}-ref-of-none",
            transform="jax.vmap",
            versions={"jax": ">=0.12"},
            affects=empty_calls_of(
                (name, *(each for each in _INDEXED if each.startswith(f"{name}.")))
            ),
            law="mapping.axis-size",
            call=FunctionCall(name, {"batch": 0, "m": 2, "n": 4}, (Axes((0, *(None,) * more), 0),)),
            description=(
                "Indexing a Ref under a map over a batch of size zero raises ValueError: 'Out of bound "
                "slice: start=0, dim=0.'. Before 0.12 it gave the empty batch."
            ),
            upstream=NOT_FOUND,
        )
        for name, more in (("lax.get", 1), ("lax.swap", 2), ("lax.addupdate", 2))
    ),
    Defect(
        id="vmap-gradient-of-ref",
        transform="jax.vmap",
        versions={"jax": ">=0.7.2,<0.8"},
        affects=calls_of((*_INDEXED, "lax.addupdate.whole"), any_axes),
        law="gradients.per-example",
        call=rule_call("lax.get", (0, None), m=2, n=4),
        description=(
            "A map of the gradient of a function with a Ref raises NotImplementedError, 'Batching rule for "
            "'freeze' not implemented'."
        ),
        upstream=f"{NOT_FOUND_ON_THE_27TH} It works since 0.8.0.",
        all_laws=False,
    ),
    Defect(
        id="vmap-gradient-of-ref-within",
        transform="jax.vmap",
        versions={"jax": ">=0.7.2,<0.8"},
        affects=calls_of("lax.addupdate.within", any_axes),
        law="mapping.equals-per-example",
        call=rule_call("lax.addupdate.within", (0, 0)),
        description=(
            "A map of a function that takes the gradient of another one, which has a Ref, raises "
            "NotImplementedError: Batching rule for 'freeze' not implemented."
        ),
        upstream=f"{NOT_FOUND_ON_THE_30TH} The function passes in 0.10.1.",
    ),
    Defect(
        id="vmap-jit-of-ref-indexed-beside-number",
        transform="jax.vmap",
        versions={"jax": ">=0.10.1"},
        affects=_is_beside_number_under_jit,
        # Of two nested maps, the outer one may be that which maps the integer.
        explains=lambda call: call.subject_name in _BESIDE_NUMBER,
        law="mapping.equals-per-example",
        call=rule_call("lax.get.beside-number", (0, 0)),
        description=(
            "Under jit, a map of a function that indexes a Ref by a mapped integer and a number of "
            "Python's, ref[i, 1], raises ValueError: 'Invalid type of idxer: TypedInt', where it reads and "
            "where it writes. Without jit it works, and so does ref[i, np.int32(1)]."
        ),
        upstream="No report of it was found on jax-ml/jax on 2026-11-29.",
    ),
    Defect(
        id="vmap-ref-indexed-by-outer",
        transform="jax.vmap",
        versions={"jax": ">=0.7.2,<0.8"},
        affects=calls_of(_INDEXED, lambda axes: axes[1] is None),
        law="nesting.composes",
        call=rule_call("lax.get", (0, None), m=2, n=4),
        description=(
            "Two nested maps, of which only the outer one maps an integer that indexes a Ref and both "
            "map the Ref, raise ValueError, 'Indexer must have rank 1'. From 0.8.0 on one map does."
        ),
        upstream=(
            "No report of it for 0.7 was found on jax-ml/jax on 2026-11-27; "
            "https://github.com/jax-ml/jax/pull/37113 (0.10.1) made it work."
        ),
        all_laws=False,
    ),
    Defect(
        id="vmap-ref-indexed-twice",
        transform="jax.vmap",
        versions={"jax": ">=0.7.1"},
        affects=calls_of("lax.get.indexed-twice", any_axes),
        law="mapping.equals-per-example",
        call=rule_call("lax.get.indexed-twice", (0, 0)),
        description=(
            "A map of a function that indexes a Ref twice, such as ref.at[1][i], raises TypeError, 'Cannot "
            "transform type: VmapTracer', which names no way out; before 0.10.1 NotImplementedError, "
            "'Batching with multiple indexers not supported'. Indexing once, as ref[1, i], works, and "
            "under jit both do without a map."
        ),
        upstream=NOT_FOUND_ON_THE_30TH,
    ),
    Defect(
        id="vmap-scan-of-a-reference-empty",
        transform="jax.vmap",
        versions={"jax": ">=0.12"},
        affects=empty_calls_of(("lax.get.slopes",)),
        law="mapping.axis-size",
        call=FunctionCall("lax.get.slopes", {"batch": 0}, (Axes((0,), 0),)),
        description=(
            "A map over an empty batch of a scan whose body reads a reference that is mapped raises "
            "ValueError, 'Out of bound slice: start=0, dim=0'. Before jax 0.12.0 it gives an empty result."
        ),
        upstream=NOT_FOUND_ON_THE_30TH,
    ),
    *(
        Defect(
            id=f"shard-map-refs-{name}",
            transform="jax.shard_map",
            versions={"jax": versions},
            affects=_is_without_jit,
            law="parallel.shard-map-agrees",
            call=attrs.evolve(call, eager=True),
            description=(
                "jax.new_ref within shard_map raises a bare AssertionError where shard_map is called "
                "without jit. Since 0.10.0 the error names jax.jit as the way out."
            ),
            upstream="https://github.com/jax-ml/jax/issues/36000 (open)",
            all_laws=False,
        )
        for name, versions, call in (
            ("at-first", ">=0.7.2,<0.8", rule_call("lax.addupdate", (0, 0, 0), m=2, n=4)),
            ("eagerly", ">=0.8,<0.10", rule_call("lax.new_ref", (0, 0), m=3, n=3)),
        )
    ),
)
