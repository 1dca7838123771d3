"""`flax.nnx.vmap` and `flax.nnx.pmap`: of modules, whose state has axes, and of functions."""

import functools
import importlib
import inspect
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import flax
import jax
from packaging.version import Version

from conformance.transforms import generated_module, own_source
from conformance.transforms.jax import pmap
from conformance.transforms.nnx import state
from properties.call import Axes, FunctionCall, GeneratedModuleCall, ModuleCall
from properties.generated_modules import grammar
from properties.subject import ModuleFamily, ModuleSubject, UseSubject
from properties.transform import NEW_AXIS, Lifted, Transform, Used
from reference.keys import NNX
from reference.types import PyTree

_FLOOR = "0.10"
_MADE = {
    "dense": "nnx.Linear({m}, {n}, rngs=rngs)",
    "mlp": "MLP({m}, {k}, {n}, rngs=rngs)",
    "conv": "nnx.Conv({m}, {n}, kernel_size=(3,), rngs=rngs)",
    "layer-norm": "nnx.LayerNorm({m}, rngs=rngs)",
    "batch-norm": "nnx.BatchNorm({m}, use_running_average=False, rngs=rngs)",
    "embed": "nnx.Embed({vocabulary}, {n}, rngs=rngs)",
    "self-attention": "nnx.MultiHeadAttention(2, {width}, decode=False, rngs=rngs)",
    "simple-cell": "SimpleCell({m}, {n}, rngs)",
    "gru-cell": "GRUCell({m}, {n}, rngs)",
    "scanned-cell": "ScannedCell({m}, {n}, rngs)",
    "column-cell": "ColumnCell({m}, {n}, rngs)",
    "repeated": "Repeated({m}, 2, rngs)",
    "rematted": "Rematted({m}, {n}, rngs)",
    "dropout": "nnx.Dropout(0.5, deterministic=False)",
    "accumulator": "Accumulator({m})",
    "noisy-dense": "NoisyDense({m}, {n}, 0.5, rngs)",
    "partitioned-dense": "partitioned({m}, {n}, rngs=rngs)",
}
"""Each module subject as NNX writes it, with the sizes of its dimensions."""


def map_function(name: str, function: Callable[..., PyTree], axes: Axes) -> Callable[..., PyTree]:
    """`nnx.vmap` or `nnx.pmap` of the function, by the transform's name."""
    from flax import nnx

    options = pmap.with_devices(dict(axes.options))
    mapping: Callable[..., Callable[..., PyTree]] = getattr(nnx, name)
    options["axis_name"] = axes.name
    module = state.of(function, axes.in_axes, axes.out_axes)
    if module is not None:
        return state.map_module(mapping, module, axes.in_axes, axes.out_axes, options)
    return mapping(function, in_axes=axes.in_axes, out_axes=axes.out_axes, **options)


def lift(name: str, call: ModuleCall) -> Lifted:
    """The map of making the module of the call's subject, and of calling it."""
    from flax import nnx

    from conformance.transforms.nnx import lift as nnx_lift

    lifted = nnx_lift.Lift(getattr(nnx, name), _maker(call), *_arguments(call))
    return Lifted(
        lifted.init,
        lambda variables, rngs, *x: lifted.apply(variables, *x, rngs=rngs),
        lifted.names,
    )


def make_unmapped(call: ModuleCall) -> object:
    """`Transform.make_unmapped` of NNX."""
    from flax import nnx

    return _maker(call)(nnx.Rngs(0))


def _maker(call: ModuleCall) -> Callable[[Any], object]:
    """What makes the module of the call's subject of an `nnx.Rngs`."""
    from conformance.transforms.nnx import lift as nnx_lift

    maker: Callable[[Any], object]
    maker = eval(f"lambda rngs: {_made(call)}", vars(nnx_lift))  # noqa: S307 (an option of ours)
    return maker


def _made(call: ModuleCall) -> str:
    text = _MADE[call.subject_name].format(**call.sizes)
    if "synchronised" in call.options:
        text = text.replace("rngs=rngs", f"axis_name={call.options['synchronised']!r}, rngs=rngs")
    return text


def _arguments(call: ModuleCall) -> tuple[Any, ...]:
    (axes, *_), split = call.axes, dict(call.split_rngs)
    shared, options = dict(call.variable_axes), dict(call.options)
    if "synchronised" in options:
        options["axis_name"] = options.pop("synchronised")
    return call.size, axes.in_axes, axes.out_axes, shared, split, options, NEW_AXIS


def variants(call: ModuleCall) -> dict[str, list[dict[str, Any]]]:
    """`Transform.variants` of NNX. What is shared within another map or a loop cannot be written to."""
    if isinstance(call.subject, ModuleFamily):
        forms: list[dict[str, Any]] = [{}, {"form": "method"}]
        differentiated = [{**form, "gradient": True} for form in forms]
        return {"uses": [*forms, *differentiated, {"form": "state"}, *_without_updates()]}
    if isinstance(call.subject, UseSubject):
        return _ways(call)
    nests = [{where: lift} for where in ("inside", "around") for lift in ("jit", "remat")]
    if call.subject.collections == call.subject.streams == ("params",):
        nests += [{"around": "vmap"}, {"around": "scan"}]
    options: list[dict[str, Any]] = [{"axis_size": call.size}]
    options += [{"axis_name": "batch"}, {"spmd_axis_name": "devices"}]
    options += _without_updates()
    if len(set(call.variable_axes.values())) == 1 and not call.subject.names:
        options += [{"spelling": "one axis"}]
    shown = call.subject.collections == ("params",)
    aliases: list[dict[str, Any]] = []
    if shown:
        apart = {"twice": "otherwise"}
        aliases = [{"twice": "alike"}, apart, *({**apart, **mode} for mode in _without_updates())]
    return {"options": options, "nests": nests, "aliases": aliases, **synchronised(call)}


def use(name: str, call: ModuleCall) -> Used:
    """The documented use that the call's subject names, or the map of a generated module."""
    from flax import nnx

    if isinstance(call, GeneratedModuleCall):
        from conformance.transforms.nnx import generated

        top = generated_module.defined(call, generated.modules)
        given = getattr(nnx, name), top, *generated_module.arguments(call)
        return Used(*generated.Generated(*given).answers())
    from conformance.transforms.nnx.uses import USES, Setting

    setting = Setting(getattr(nnx, name), call.size, call.seed, call.options)
    return Used(*USES[call.subject_name](setting))


def _ways(call: ModuleCall) -> dict[str, list[dict[str, Any]]]:
    """The ways to write a documented use."""
    from conformance.transforms.nnx.uses import IN_ONE_WAY

    return {"uses": [{}, *(() if call.subject_name in IN_ONE_WAY else _without_updates())]}


def _without_updates() -> list[dict[str, Any]]:
    """The ways to map modules as trees of arrays; Flax can say how since 0.12.7."""
    from flax import nnx

    return [{"graph": False}, {"graph_updates": False}] if hasattr(nnx, "prefix") else []


def over_devices(call: ModuleCall) -> dict[str, list[dict[str, Any]]]:
    """`Transform.variants` of a map over devices: every option is a program for several of them."""
    if isinstance(call.subject, UseSubject):
        return _ways(call)
    return {"options": _without_updates(), **synchronised(call)}


def synchronised(call: ModuleCall) -> dict[str, list[dict[str, Any]]]:
    """Of `Transform.variants`, statistics taken along the batch axis."""
    ours = call.subject.own is None and call.subject_name == "batch-norm"
    return {"synchronised": [{"synchronised": "batch"}] if ours else []}


def missing_module_reason(subject: ModuleSubject) -> str | None:
    """Why the suite has no such module in NNX; None where it has."""
    if subject.own is not None:  # it may have the name of one of ours
        return f"{subject.name} is a module of Linen"
    if not_importable():
        return not_importable()
    if subject.name == "repeated":
        from flax import nnx

        there = hasattr(nnx, "while_loop")
        return None if there else f"flax {flax.__version__} has no nnx.while_loop"
    if subject.name in _MADE:
        return None
    if isinstance(subject, UseSubject):
        return _missing_use(subject)
    return f"{subject.name} is not among the modules that this suite has written in NNX"


NAMES_AXES = (
    "use.metadata",
    "use.metadata-one-axis",
    "use.other-metadata",
    "use.bridged-names",
    "use.names-alike",
    "use.scanned-names",
)
"""The documented uses of variables that name their axes."""
OVER_DEVICES = (
    "use.by-keyword",
    "use.callable-in-modes",
    "use.callable-object",
    "use.class",
    "use.given-back",
    "use.list-of-axes",
    "use.metadata-one-axis",
    "use.mode-by-setting",
    "use.one-axis",
    "use.second-call",
    "use.shared-by-modules",
    "use.shared-result",
    "use.two-axes-of-one",
    "use.unbound-method",
    "use.written-by-closure",
)
"""The documented uses that are checked of a map over devices, too: each call compiles for all of them."""


def missing_over_devices(subject: ModuleSubject) -> str | None:
    """`missing_module_reason`, of a map over devices."""
    if isinstance(subject, UseSubject) and subject.name not in OVER_DEVICES:
        return f"{subject.name} is checked of flax.nnx.vmap"
    if subject.name == "use.shared-result" and Version(jax.__version__) < Version("0.8"):
        return f"jax {jax.__version__}: pmap had no derivative with out_axes=None before 0.8"
    return missing_module_reason(subject)


def places_at_once() -> bool:
    """Whether a variable that names its axes is placed on a mesh at once, and cannot be told not to be."""
    from flax import nnx

    return Version(flax.__version__) >= Version("0.12") and not hasattr(nnx, "use_eager_sharding")


def _missing_use(subject: UseSubject) -> str | None:
    if Version(flax.__version__) < Version(_FLOOR):
        return f"flax {flax.__version__}: NNX's maps took other arguments before {_FLOOR}"
    from conformance.transforms.nnx.uses import NEEDS, USES

    if isinstance(subject, ModuleFamily):
        return None
    if subject.name not in USES:
        return f"NNX has no {subject.name}"
    if subject.name in NAMES_AXES and places_at_once():
        return f"flax {flax.__version__}: a variable that names its axes needs a mesh"
    needs = NEEDS.get(subject.name, _FLOOR)
    if Version(flax.__version__) >= Version(needs):
        return None
    return f"flax {flax.__version__}: {subject.name} needs {needs}"


def unavailable(name: str) -> str | None:
    """Why this release has no such transform; None where it has."""
    if Version(flax.__version__) < Version(_FLOOR):
        return f"flax {flax.__version__}: nnx.{name} took other arguments before {_FLOOR}"
    return not_importable() or (pmap.unavailable() if name == "pmap" else None)


@functools.cache
def not_importable() -> str | None:
    """Why `flax.nnx` cannot be imported, as flax 0.12.9 cannot with jax 0.11.2 (google/flax#5596)."""
    try:
        importlib.import_module("flax.nnx")
    except Exception as error:
        versions = f"flax {flax.__version__} with jax {jax.__version__}"
        return f"{versions}: flax.nnx cannot be imported, {type(error).__name__}: {error}"
    return None


def source(name: str, call: FunctionCall | ModuleCall) -> str:
    """`Transform.source`: Python that defines `mapped`, or `lifted` and `names`."""
    axes = call.axes[0]
    if isinstance(call, FunctionCall):
        options = "".join(f", {option}={value!r}" for option, value in axes.options)
        if state.of(call.subject.function, axes.in_axes, axes.out_axes) is not None:
            return f"""
from flax import nnx

from conformance.transforms.nnx.state import map_module

options = {{"axis_name": {axes.name!r}, **{dict(axes.options)}}}
mapped = map_module(nnx.{name}, function.of_module, {axes.in_axes}, {axes.out_axes}, options)
"""
        return f"""
from flax import nnx

mapped = nnx.{name}(
    function, in_axes={axes.in_axes}, out_axes={axes.out_axes}, axis_name={axes.name!r}{options}
)
"""
    from conformance.transforms.nnx import lift as nnx_lift

    if isinstance(call, GeneratedModuleCall):
        from conformance.transforms.nnx import generated

        text = own_source.joined(generated.lift)
        given = f"nnx.{name}, Top, *{generated_module.arguments(call)}"
        return (
            f"{text}\n\n{grammar.source(call.module)}\n\nmapped, _ = Generated({given}).answers()"
        )
    if isinstance(call.subject, UseSubject):
        return source_of_use(name, call)
    return f"""
{inspect.getsource(nnx_lift)}


def make(rngs):
    return {_made(call)}


lifted = Lift(nnx.{name}, make, *{_arguments(call)})
names = lifted.names
"""


def source_of_use(name: str, call: ModuleCall) -> str:
    """Python that defines `mapped`, which gives what the transform gives in a documented use."""
    from conformance.transforms.nnx.uses import USES

    function = USES[call.subject_name]
    text = own_source.joined(sys.modules[function.__module__])
    given = f"{call.size}, {call.seed}, {dict(call.options)}"
    return f"{text}\n\nmapped, _ = {function.__name__}(Setting(nnx.{name}, {given}))"


def _transform(name: str, summary: str, **fields: Any) -> Transform:
    return Transform(
        f"flax.nnx.{name}",
        summary,
        partial(map_function, name),
        partial(lift, name),
        make_unmapped=make_unmapped,
        use=partial(use, name),
        kinds=("function",),
        unavailable=partial(unavailable, name),
        missing_module_reason=missing_module_reason,
        derivation=NNX,
        tier="derived",
        source=partial(source, name),
        **fields,
    )


VMAP = _transform("vmap", "maps an NNX module and its state over a batch", variants=variants)
PMAP = attrs.evolve(
    _transform(
        "pmap",
        "maps an NNX module and its state over devices",
        variants=over_devices,
        traceable=False,
        max_batch_size=pmap.TRANSFORM.max_batch_size,
        accepts_axis_size_only=False,
    ),
    missing_module_reason=missing_over_devices,
)
