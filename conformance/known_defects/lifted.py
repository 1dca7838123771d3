"""Known defects of Flax's lifted transforms."""

import inspect

from conformance.known_defects.defect import Defect
from conformance.known_defects.minimal_calls import has_axis_out_of_range, square_call
from properties.call import Axes, Call, FunctionCall, ModuleCall
from properties.laws.errors.calls import BEYOND

_NAMED_FROM_THE_END = ModuleCall(
    "partitioned-dense",
    {"batch": 3, "m": 2, "n": 4},
    (Axes((0,), 0),),
    {"params": -1},
    {"params": True},
)
_EMBEDDINGS = ModuleCall(
    "embed",
    {"batch": 3, "length": 2, "vocabulary": 5, "n": 4},
    (Axes((0,), 0),),
    {"params": 0},
    {"params": True},
)
_STACKED_BEHIND = ModuleCall(
    "dense",
    {"batch": 3, "m": 2, "n": 4},
    (Axes((0,), 0),),
    {"params": 1},
    {"params": True},
    init_jitted=True,
)


def _stacked_behind_in_jit(call: ModuleCall) -> bool:
    return call.init_jitted and call.variable_axes["params"] not in (None, 0)


def _stacked_from_the_end(call: ModuleCall) -> bool:
    return any((axis or 0) < 0 for axis in call.variable_axes.values())


def _has_left_out_default(call: Call) -> bool:
    """Whether the function has a parameter with a default for which the call has no argument."""
    if isinstance(call, ModuleCall):
        return call.subject_name == "use.left-out-default"
    if call.subject.own is None:
        return False
    try:
        parameters = inspect.signature(call.subject.function).parameters.values()
    except (TypeError, ValueError):  # some that are written in C have none
        return False
    given = len(call.axes[0].in_axes)
    return any(
        each.default is not each.empty and (i >= given or each.kind is each.KEYWORD_ONLY)
        for i, each in enumerate(parameters)
    )


def _calls_an_object_with_f(call: Call) -> bool:
    """Whether what is mapped is an object with an attribute `f`."""
    if isinstance(call, ModuleCall):
        return call.subject_name == "use.callable-object"
    return call.subject.own is not None and "f" in getattr(call.subject.function, "__dict__", {})


def _use(name: str) -> ModuleCall:
    """A call of a documented use."""
    return ModuleCall(name, {"batch": 3, "m": 2}, (Axes((0,), 0),), {}, {}, seed=5)


LIFTED: tuple[Defect, ...] = (
    Defect(
        id="nnx-vmap-left-out-default",
        transform="flax.nnx.vmap",
        versions={"flax": ">=0.10"},
        affects=_has_left_out_default,
        law="sharing.documented-uses",
        call=_use("use.left-out-default"),
        description=(
            "An argument that the call leaves out is filled in by its default and counted as one that is "
            "mapped: in_axes of the arguments that are given raises ValueError, 'different lengths of "
            "tuple', and a default that is not an array, or of a keyword-only argument, raises, too. "
            "jax.vmap and nnx.pmap take such a function. functools.partial(function) works."
        ),
        upstream="https://github.com/google/flax/issues/4570 (closed).",
    ),
    *(
        Defect(
            id=f"nnx-{name}-callable-with-f",
            transform=f"flax.nnx.{name}",
            versions={"flax": ">=0.10"},
            affects=_calls_an_object_with_f,
            law="sharing.documented-uses",
            call=_use("use.callable-object"),
            description=(
                "Silently wrong results: an object that is called, and that has an attribute named f, is "
                f"not called. nnx.{name} copies the object's attributes over its own, and calls what the "
                "object calls f in its place. A function around the object works, and so does a mode in "
                "which no graph is updated. nnx.jit did the same before flax 0.12.1."
            ),
            upstream=(
                "No report of it was found on google/flax on 2026-11-28; "
                "https://github.com/google/flax/pull/5045 mended the like in nnx.jit, and "
                "https://github.com/jax-ml/jax/pull/39937 in JAX."
            ),
        )
        for name in ("vmap", "pmap")
    ),
    *(
        Defect(
            id=f"nnx-{name}-list-of-axes",
            transform=f"flax.nnx.{name}",
            versions={"flax": ">=0.10"},
            affects=lambda call: call.subject_name == "use.list-of-axes",
            law="sharing.documented-uses",
            call=_use("use.list-of-axes"),
            description=(
                "in_axes as a list raises ValueError, 'pytree structure error: different types', of "
                f"modules and of arrays alike. nnx.{name} documents a sequence of values, and jax.vmap "
                "takes a list."
            ),
            upstream="No report of this was found on google/flax on 2026-11-27.",
            all_laws=False,
        )
        for name in ("vmap", "pmap")
    ),
    *(
        Defect(
            id=f"nnx-{name}-write-by-closure",
            transform=f"flax.nnx.{name}",
            versions={"flax": f">={first},<0.10.5"},
            affects=lambda call: call.subject_name == "use.written-by-closure",
            law="sharing.documented-uses",
            call=_use("use.written-by-closure"),
            description=(
                "A function that writes to a Variable that it captures is accepted, and leaves a tracer "
                "in the Variable. Since flax 0.10.5 it raises TraceContextError."
            ),
            upstream=(
                "https://github.com/google/flax/pull/4333 notes that JAX had switched off what the check "
                "relied on."
            ),
            all_laws=False,
        )
        for name, first in (("vmap", "0.10"), ("pmap", "0.10.1"))
    ),
    Defect(
        id="nnx-vmap-update-by-closure",
        transform="flax.nnx.vmap",
        versions={"flax": ">=0.10,<0.12.2"},
        affects=lambda call: call.subject_name == "use.updated-by-closure",
        law="sharing.documented-uses",
        call=_use("use.updated-by-closure"),
        description=(
            "A function that calls nnx.update of a module that it captures is accepted, and leaves tracers "
            "in the module's Variables, where any other write raises TraceContextError. Since flax 0.12.2 "
            "it raises, too."
        ),
        upstream="No report of this was found on google/flax on 2026-11-27.",
        all_laws=False,
    ),
    Defect(
        id="nnx-vmap-shared-in-branches",
        transform="flax.nnx.vmap",
        versions={"flax": ">=0.10.2,<0.10.6"},
        affects=lambda call: call.subject_name == "use.shared-in-branches",
        law="sharing.documented-uses",
        call=_use("use.shared-in-branches"),
        description=(
            "A module that all examples share raises ValueError, 'got axis spec None but output was batched "
            "on axis 0', in a loop within a branch of nnx.cond or nnx.switch, where the predicate is mapped, "
            "and in an nnx.while_loop whose number of turns is. No example changes it."
        ),
        upstream="https://github.com/google/flax/issues/4709 (closed).",
        all_laws=False,
    ),
    Defect(
        id="linen-vmap-names-of-bridged",
        transform="flax.linen.vmap",
        versions={"flax": ">=0.10"},
        affects=lambda call: call.subject_name == "use.bridged-names",
        law="sharing.documented-uses",
        call=_use("use.bridged-names"),
        description=(
            "The parameters of an NNX module that is bridged to Linen do not say where the axis of an "
            "ensemble is: a kernel of shape (3, 2, 4) has the names ('in', 'out'), and would be sharded "
            "along the wrong axes."
        ),
        upstream="https://github.com/google/flax/issues/5589 (open).",
        all_laws=False,
    ),
    Defect(
        id="linen-vmap-axis-out-of-range",
        transform="flax.linen.vmap",
        versions={"flax": ">=0.8.5"},
        affects=has_axis_out_of_range,
        law="errors.axis-out-of-range",
        call=square_call(BEYOND, 0),
        description=(
            "An axis that an argument does not have raises IndexError, 'tuple index out of range', which "
            "names neither the argument nor the axis; jax.vmap says both."
        ),
        upstream="No report of this was found on google/flax on 2026-11-21.",
    ),
    Defect(
        id="linen-vmap-sizes-unnamed",
        transform="flax.linen.vmap",
        versions={"flax": ">=0.8.5"},
        affects=lambda call: True,
        law="errors.sizes-disagree",
        call=FunctionCall("dot-product", {"batch": 3, "n": 2}, (Axes((0, 0), 0),)),
        description=(
            "Where the batch axes of the arguments have different sizes, the message gives the "
            "sizes, 'Inconsistent batch axis sizes: {3, 4}', and does not say which argument has "
            "which size; the message of jax.vmap does."
        ),
        upstream=(
            "No report of this was found on google/flax on 2026-11-21; it is what "
            "https://github.com/jax-ml/jax/issues/705 asked of jax.vmap."
        ),
        all_laws=False,
    ),
    Defect(
        id="linen-vmap-negative-axis-names",
        transform="flax.linen.vmap",
        versions={"flax": ">=0.8.5"},
        affects=_stacked_from_the_end,
        law="sharing.metadata",
        call=_NAMED_FROM_THE_END,
        description=(
            "nn.Partitioned puts the name of an axis that is counted from the end one place too far "
            "in front: a kernel of shape (2, 4, 3) has the names ('in', 'members', 'out'), and "
            "would be sharded along the wrong axis. Applying the boxed parameters raises a bare "
            "AssertionError."
        ),
        upstream=(
            "No report for Linen was found on google/flax on 2026-11-21; "
            "https://github.com/google/flax/pull/5508 (open) counts from the end for NNX."
        ),
        all_laws=False,
    ),
    Defect(
        id="linen-vmap-negative-axis-names-in-scan",
        transform="flax.linen.vmap",
        versions={"flax": ">=0.8.5"},
        affects=lambda call: call.subject.boxed and _stacked_from_the_end(call),
        law="sharing.nested",
        call=_NAMED_FROM_THE_END,
        description=(
            "Initialising the module within nn.scan, with parameters that the steps share, raises a "
            "bare AssertionError. The cause is that of linen-vmap-negative-axis-names."
        ),
        upstream="No report for Linen was found on google/flax on 2026-11-22.",
        all_laws=False,
    ),
    Defect(
        id="linen-vmap-of-setup-in-a-lift",
        transform="flax.linen.vmap",
        versions={"flax": ">=0.8.5"},
        affects=lambda call: (
            call.subject.in_setup and any(axis is not None for axis in call.variable_axes.values())
        ),
        law="sharing.nested",
        call=_EMBEDDINGS,
        description=(
            "An ensemble of a module that makes its parameters in `setup`, as nn.Embed does, cannot "
            "be used within another lift (nn.scan, and since flax 0.9.0 nn.jit), which runs `setup` "
            "unmapped first. Initialising it raises ValueError, 'Inconsistent batch axis sizes'; "
            "applying it raises ScopeParamShapeError."
        ),
        upstream=(
            "No report of this was found on google/flax on 2026-11-22; "
            "https://github.com/google/flax/issues/3049 (open) is of `setup` under nn.vmap, too."
        ),
        all_laws=False,
    ),
    Defect(
        id="nnx-vmap-negative-axis-names",
        transform="flax.nnx.vmap",
        versions={"flax": ">=0.10"},
        affects=_stacked_from_the_end,
        law="sharing.metadata",
        call=_NAMED_FROM_THE_END,
        description=(
            "transform_metadata puts the name of an axis that is counted from the end one place too "
            "far in front: a kernel of shape (2, 4, 3) has the names ('in', 'members', 'out')."
        ),
        upstream="https://github.com/google/flax/pull/5508 (open).",
        all_laws=False,
    ),
    Defect(
        id="nnx-pmap-in-jit-ensemble-axis",
        transform="flax.nnx.pmap",
        versions={"jax": "<0.8.0", "flax": ">=0.10"},
        affects=_stacked_behind_in_jit,
        law="sharing.ensemble-members",
        call=_STACKED_BEHIND,
        description=(
            "Initialising under jit an ensemble whose parameters are stacked along an axis other "
            "than 0 raises ValueError: 'Operation creation failed'."
        ),
        upstream="https://github.com/jax-ml/jax/issues/5756, of jax.pmap (still open; it works since 0.8.0).",
        all_laws=False,
    ),
    Defect(
        id="nnx-pmap-in-jit-shared",
        transform="flax.nnx.pmap",
        versions={"jax": "<0.8.0", "flax": ">=0.10"},
        affects=lambda call: call.init_jitted and call.variable_axes["params"] is None,
        law="sharing.init-matches-reference",
        call=_STACKED_BEHIND.sharing(),
        description=(
            "Initialising under jit a module whose parameters are shared raises TypeError: "
            "'NoneType' object cannot be interpreted as an integer."
        ),
        upstream=(
            "It works since jax 0.8.0, which rewrote pmap; "
            "https://github.com/jax-ml/jax/issues/5756 is of other out_axes of a pmap within jit."
        ),
        all_laws=False,
    ),
    Defect(
        id="linen-vmap-keywords-left-out",
        transform="flax.linen.vmap",
        versions={"flax": ">=0.8.5"},
        affects=lambda call: True,
        law="errors.keywords",
        call=FunctionCall("dot-product", {"batch": 3, "n": 2}, (Axes((0, 0), 0),)),
        description=(
            "nn.vmap drops an argument that is given by its name, with a RuntimeWarning: where the "
            "argument has a default, the result is that of the default. jax.vmap maps such an "
            "argument, and nnx.vmap raises TypeError."
        ),
        upstream="https://github.com/google/flax/issues/2772 (closed).",
        all_laws=False,
    ),
    Defect(
        id="linen-vmap-spmd-axis-name-of-unmapped",
        transform="flax.linen.vmap",
        versions={"flax": ">=0.12.3,<0.12.5"},
        affects=lambda call: (
            None in call.axes[0].in_axes and call.variable_axes.get("params") is not None
        ),
        law="sharing.options",
        call=ModuleCall(
            "simple-cell",
            {"batch": 3, "m": 2, "n": 4},
            (Axes((None, 0), 0),),
            {"params": 0},
            {"params": True},
        ),
        description=(
            "With spmd_axis_name, an ensemble that has an input with axis None raises ValueError: "
            "'Expected None, got' that input."
        ),
        upstream="No report of this was found on google/flax on 2026-11-26; it is gone in 0.12.5.",
        all_laws=False,
    ),
    Defect(
        id="nnx-pmap-gradient-of-shared",
        transform="flax.nnx.pmap",
        versions={"jax": "<0.7", "flax": ">=0.10"},
        affects=lambda call: True,
        law="sharing.gradients",
        call=ModuleCall(
            "dense",
            {"batch": 3, "m": 2, "n": 4},
            (Axes((0,), 0),),
            {"params": None},
            {"params": False},
        ),
        description=(
            "The gradient of a module whose parameters are shared raises NotImplementedError: "
            "autodiff of pmap functions with out_axes=None is not supported. It works since jax "
            "0.7."
        ),
        upstream=(
            "https://github.com/jax-ml/jax/issues/14296 (closed), of jax.pmap, for which "
            "https://github.com/jax-ml/jax/pull/22585 gave the words."
        ),
        all_laws=False,
    ),
    Defect(
        id="nnx-pmap-updates-unchecked",
        transform="flax.nnx.pmap",
        versions={"flax": ">=0.10"},
        affects=lambda call: True,
        law="sharing.updates-differ",
        call=ModuleCall("accumulator", {"batch": 3, "m": 2}, (Axes((0,), 0),), {"cache": None}, {}),
        description=(
            "Shared state that each device updates in its own way silently becomes what one device "
            "made of it; nnx.vmap raises ValueError."
        ),
        upstream=(
            "It comes of https://github.com/jax-ml/jax/issues/21671, out_axes=None of jax.pmap; no "
            "report was found on google/flax on 2026-11-21."
        ),
        all_laws=False,
    ),
)
