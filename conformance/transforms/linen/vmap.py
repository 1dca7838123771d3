"""`flax.linen.vmap`, of modules, and of functions as modules without parameters."""

import inspect
import sys
from collections.abc import Callable
from typing import Any

import attrs
import flax
import flax.errors
import flax.linen as nn
import jax
from packaging.version import Version

from conformance.transforms import generated_module, own_source
from conformance.transforms.linen import generated, modules, uses
from conformance.transforms.linen import options as linen_options
from conformance.transforms.nnx import vmap as nnx_vmap
from properties.call import Axes, FunctionCall, GeneratedModuleCall, ModuleCall
from properties.generated_modules import grammar
from properties.subject import ModuleFamily, ModuleSubject, UseSubject
from properties.transform import NEW_AXIS, Lifted, Transform, Used
from reference.types import PyTree


def map_function(function: Callable[..., PyTree], axes: Axes) -> Callable[..., PyTree]:
    """`nn.vmap` of a module without parameters that applies the function."""

    class Applied(nn.Module):
        def __call__(self, *arguments: Any, **named: Any) -> Any:
            return function(*arguments, **named)

    lifted = nn.vmap(
        Applied,
        in_axes=axes.in_axes,
        out_axes=axes.out_axes,
        variable_axes={},
        split_rngs={},
        axis_name=axes.name,
        **dict[str, Any](axes.options),
    )
    return lambda *arguments, **named: lifted().apply({}, *arguments, **named)


def lift(call: ModuleCall) -> Lifted:
    """`nn.vmap` of the Linen module of the call's subject, for the call's first axes."""
    module = modules.CLASSES[call.subject_name]
    given = call.subject.configure(call.sizes)
    return _pure(linen_options.lifted_with(module, given, _keywords(call), call.options), call)


def _keywords(call: ModuleCall) -> dict[str, Any]:
    """The keyword arguments of `nn.vmap` for a call without options."""
    axes = call.axes[0]
    named = call.subject.names or call.subject.own
    names = {"metadata_params": {nn.PARTITION_NAME: NEW_AXIS}} if named else {}
    return {
        "in_axes": axes.in_axes,
        "out_axes": axes.out_axes,
        "variable_axes": dict(call.variable_axes),
        "split_rngs": dict(call.split_rngs),
        **names,
    }


def variants(call: ModuleCall) -> dict[str, list[dict[str, Any]]]:
    """`Transform.variants` of Linen.

    `nn.jit` forks the keys of what it lifts, and a module within another has a path of its own:
    both draw otherwise, so they are here where nothing is drawn to compute an answer.
    """
    if isinstance(call.subject, ModuleFamily):
        forms: list[dict[str, Any]] = [{}, {"form": "inside"}, {"form": "function"}]
        return {"uses": [*forms, *({**form, "gradient": True} for form in forms)]}
    if isinstance(call.subject, UseSubject):
        return {"uses": [{}]}
    keyless = call.subject.streams in ((), ("params",))
    stateless = call.subject.collections == ("params",)
    options: list[dict[str, Any]] = [
        {"axis_size": call.size},
        {"axis_name": "batch"},
        {"spmd_axis_name": "devices"},
        {"methods": ["__call__"]},
        {"by_method": "__call__"},
    ]
    wrappers = linen_options.WRAPPERS if keyless else ("remat",)
    nests = [{where: lift} for where in ("inside", "around") for lift in wrappers]
    nests.append({"around": "vmap"})
    if keyless and call.subject.collections:
        options.append({"of": "function"})
        nests += [{"around": "scan"}] if stateless else []
    spellings = [{"spelling": spelling} for spelling in ("together", "all but", "all")]
    ours = call.subject.own is None and call.subject_name == "batch-norm"
    synchronised = [{"synchronised": "batch"}] if ours else []
    return {
        "options": options,
        "spellings": spellings,
        "nests": nests,
        "synchronised": synchronised,
    }


def use(call: ModuleCall) -> Used:
    """The documented use that the call's subject names, or the lift of a generated module."""
    if isinstance(call, GeneratedModuleCall):
        top = generated_module.defined(call, generated.modules)
        return Used(*generated.Generated(top, *_of_generated(call)).answers())
    return Used(*uses.USES[call.subject_name](uses.Setting(call.size, call.seed)))


def _of_generated(call: GeneratedModuleCall) -> tuple[Any, ...]:
    """As `generated_module.arguments`: in another module, a stream that is split is another one."""
    noise = call.split_rngs["noise"] and "form" not in call.options
    split = {**call.split_rngs, "noise": noise}
    return generated_module.arguments(attrs.evolve(call, split_rngs=split))


def missing_module_reason(subject: ModuleSubject) -> str | None:
    """Why Linen has no such documented use; None where it has, as it has all modules."""
    if isinstance(subject, ModuleFamily) or not isinstance(subject, UseSubject):
        return None
    if subject.name not in uses.USES:
        return f"Linen has no {subject.name}"
    needs = uses.NEEDS.get(subject.name)  # of a use that bridges to NNX
    if needs is not None and nnx_vmap.not_importable():
        return nnx_vmap.not_importable()
    if needs is not None and nnx_vmap.places_at_once():
        return f"flax {flax.__version__}: a variable of NNX that names its axes needs a mesh"
    if needs is None or Version(flax.__version__) >= Version(needs):
        return None
    return f"flax {flax.__version__}: {subject.name} needs {needs}"


def unlifted(call: ModuleCall) -> Lifted:
    """The Linen module of the call's subject, unmapped."""
    module = modules.CLASSES[call.subject_name]
    return _pure(module(**call.subject.configure(call.sizes)), call)


def make_unmapped(call: ModuleCall) -> object:
    """`Transform.make_unmapped` of Linen."""
    return unlifted(call).init(call.rngs(), *call.example())


def _pure(module: Any, call: ModuleCall) -> Lifted:
    """A Linen module, or what has its `init` and `apply`, as functions of plain variables."""
    updated = [name for name in call.subject.collections if name != "params"]

    def init(rngs: Any, *inputs: Any) -> Any:
        return nn.unbox(module.init(rngs, *inputs))

    def apply(variables: Any, rngs: Any, *inputs: Any) -> Any:
        output, updates = module.apply(variables, *inputs, rngs=rngs, mutable=updated)
        return output, nn.unbox(updates)

    def names(rngs: Any, *inputs: Any) -> Any:
        return names_of(jax.eval_shape(module.init, rngs, *inputs))

    return Lifted(init, apply, names)


def names_of(variables: Any) -> dict[str, Any]:
    """What the axes of boxed parameters are called."""
    return {name: box.names for name, box in variables["params"].items()}


def source(call: FunctionCall | ModuleCall) -> str:
    """`Transform.source`: Python that defines `mapped`, or `lifted`, `plain` and perhaps `names`."""
    axes = call.axes[0]
    options = f"in_axes={axes.in_axes}, out_axes={axes.out_axes}"
    options += "".join(f", {name}={value!r}" for name, value in axes.options)
    if isinstance(call, FunctionCall):
        return f"""
import flax.linen as nn


class Applied(nn.Module):
    def __call__(self, *arguments, **named):
        return function(*arguments, **named)


Lifted = nn.vmap(
    Applied, {options}, variable_axes={{}}, split_rngs={{}}, axis_name={axes.name!r}
)
mapped = lambda *arguments, **named: Lifted().apply({{}}, *arguments, **named)
"""
    if isinstance(call, GeneratedModuleCall):
        text = f"{own_source.joined(generated.lift)}\n\n{grammar.source(call.module)}"
        return f"{text}\n\nmapped, _ = Generated(Top, *{_of_generated(call)}).answers()"
    if isinstance(call.subject, UseSubject):
        function = uses.USES[call.subject_name]
        text = own_source.joined(sys.modules[function.__module__])
        return f"{text}\n\nmapped, _ = {function.__name__}(Setting({call.size}, {call.seed}))"
    definition, name, given = modules.source(call)
    names = ""
    if call.subject.names:
        names = f"""
{inspect.getsource(names_of)}

def names(rngs, *inputs):
    return names_of(lifted.init(rngs, *inputs))
"""
    if call.options:
        return f"""
{definition}
{inspect.getsource(linen_options)}

plain = {name}({given})
lifted = lifted_with({name}, dict({given}), {_keywords(call)}, {dict(call.options)})
{names}"""
    kwargs = "".join(f"    {name}={value!r},\n" for name, value in _keywords(call).items())
    return f"""
{definition}

plain = {name}({given})
lifted = nn.vmap(
    {name},
{kwargs})({given})
{names}"""


TRANSFORM = Transform(
    "flax.linen.vmap",
    "lifts a Linen module over a batch",
    map_function,
    lift,
    unlifted,
    make_unmapped,
    use,
    missing_module_reason=missing_module_reason,
    missing_stream=flax.errors.InvalidRngError,
    variants=variants,
    source=source,
)
