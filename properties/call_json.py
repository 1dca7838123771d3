"""Calls as JSON: what stored cases, plans and logs contain, decoded strictly."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

import attrs
import jax
import msgspec
from msgspec import Meta

from properties import oracle
from properties.call import (
    STORED_NAMES,
    Axes,
    Axis,
    Call,
    FunctionCall,
    GeneratedModuleCall,
    ModuleCall,
    ProgramCall,
)
from properties.generated_modules import grammar
from properties.programs import infer, source
from properties.programs.grammar import IllTyped, Program
from properties.subject import AXIS, FunctionSubject, ModuleFamily, ModuleSubject, Subject, dims
from properties.subjects import SUBJECTS
from properties.transform import Transform

LARGEST_RANK = 16
LARGEST_ARRAY = 2**22
"""Elements of one argument at most: far more than any call drawn has."""

Size = Annotated[int, Meta(ge=0, le=LARGEST_ARRAY)]
Seed = Annotated[int, Meta(ge=0, lt=2**31)]
StoredAxis = Annotated[int, Meta(ge=-LARGEST_RANK, le=LARGEST_RANK)] | None


class MalformedCall(ValueError):
    """A call that cannot be decoded, in one sentence that ends in the path of the wrong field."""


class StoredAxes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the batch axis is: in each argument (null: not mapped), and in the result."""

    in_axes: tuple[StoredAxis, ...]
    out_axes: StoredAxis = 0
    name: str | None = None
    options: tuple[tuple[str, Any], ...] = ()
    batch: Size | None = None


class StoredFunctionCall(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag="function",
    tag_field="kind",
):
    """`properties.call.FunctionCall` as it is stored."""

    subject_name: str
    sizes: dict[str, Size]
    axes: Annotated[tuple[StoredAxes, ...], Meta(min_length=1)]
    dtype: str = "float32"
    seed: Seed = 0
    edge_values: bool = msgspec.field(default=False, name=STORED_NAMES["edge_values"])
    eager: bool = False


class StoredProgramCall(StoredFunctionCall, frozen=True, kw_only=True, tag="program"):
    """`properties.call.ProgramCall` as it is stored."""

    program: Program


class StoredModuleCall(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag="module",
    tag_field="kind",
):
    """`properties.call.ModuleCall` as it is stored."""

    subject_name: str
    sizes: dict[str, Size]
    axes: Annotated[tuple[StoredAxes, ...], Meta(min_length=1)]
    variable_axes: dict[str, StoredAxis]
    split_rngs: dict[str, bool]
    key: Seed = 0
    typed_keys: bool = msgspec.field(default=False, name=STORED_NAMES["typed_keys"])
    seed: Seed = 0
    dtype: str = "float32"
    options: dict[str, Any] = {}
    init_jitted: bool = msgspec.field(default=False, name=STORED_NAMES["init_jitted"])


class StoredGeneratedModuleCall(
    StoredModuleCall, frozen=True, kw_only=True, tag="generated-module"
):
    """`properties.call.GeneratedModuleCall` as it is stored."""

    module: grammar.Node


StoredCall: TypeAlias = (
    StoredFunctionCall | StoredProgramCall | StoredModuleCall | StoredGeneratedModuleCall
)
_CLASSES: dict[type, type[FunctionCall] | type[ModuleCall]] = {
    StoredFunctionCall: FunctionCall,
    StoredProgramCall: ProgramCall,
    StoredModuleCall: ModuleCall,
    StoredGeneratedModuleCall: GeneratedModuleCall,
}
_KINDS = {
    FunctionCall: "function",
    ProgramCall: "program",
    ModuleCall: "module",
    GeneratedModuleCall: "generated-module",
}


def to_json(call: Call) -> dict[str, Any]:
    """The call as JSON-ready data."""
    fields = {STORED_NAMES.get(name, name): value for name, value in attrs.asdict(call).items()}
    if isinstance(call, ProgramCall):
        fields["program"] = msgspec.to_builtins(call.program)
    if isinstance(call, GeneratedModuleCall):
        fields["module"] = msgspec.to_builtins(call.module)
    return {"kind": _KINDS[type(call)], **fields}


def from_json(data: Any) -> Call:
    """The call that `to_json` wrote.

    Axes are checked by `check_axes`, since calls that must raise have wrong ones.

    Raises:
        MalformedCall: it is no call, or not one of its subject.
    """
    try:
        stored = msgspec.convert(data, StoredCall)
    except (msgspec.ValidationError, RecursionError, OverflowError) as error:
        raise MalformedCall(str(error)) from None
    subject = SUBJECTS.get(stored.subject_name)
    if subject is None:
        raise _wrong(f"unknown subject {stored.subject_name!r}", "subject_name")
    _check_module(stored, subject)
    _check(stored, _with_program(stored, subject))
    fields = {name: getattr(stored, name) for name in stored.__struct_fields__}
    fields["axes"] = tuple(
        Axes(**{name: getattr(axes, name) for name in axes.__struct_fields__})
        for axes in stored.axes
    )
    call: Call = _CLASSES[type(stored)](**fields)
    return call


def _wrong(what: str, path: str) -> MalformedCall:
    return MalformedCall(f"{what} - at `$.{path}`")


def _with_program(stored: StoredCall, subject: Subject) -> Subject:
    """The subject that the call maps: where it is generated, the program itself.

    Raises:
        MalformedCall: the program is none, or not one of the subject.
    """
    generated = isinstance(subject, FunctionSubject) and subject.kind == "program"
    if not isinstance(stored, StoredProgramCall):
        if generated:
            raise _wrong(f"{subject.name} is a family of programs", "kind")
        return subject
    if not isinstance(subject, FunctionSubject) or not generated:
        raise _wrong(f"{subject.name} is no family of programs", "kind")
    try:
        infer.check(stored.program)
    except IllTyped as error:
        raise _wrong(str(error), "program") from None
    return attrs.evolve(subject, arguments=source.arguments(stored.program))


def _check_module(stored: StoredCall, subject: Subject) -> None:
    """Raise `MalformedCall` unless a family of generated modules has one of them."""
    generated = isinstance(stored, StoredGeneratedModuleCall)
    if generated is not isinstance(subject, ModuleFamily):
        is_one = "no family" if generated else "a family"
        raise _wrong(f"{subject.name} is {is_one} of generated modules", "kind")
    if isinstance(stored, StoredGeneratedModuleCall):
        try:
            grammar.check(stored.module)
        except grammar.WrongTree as error:
            raise _wrong(str(error), "module") from None


def _check(stored: StoredCall, subject: Subject) -> None:
    """Raise `MalformedCall` where the call cannot be one of its subject."""
    name = subject.name
    if isinstance(subject, ModuleSubject) != isinstance(stored, StoredModuleCall):
        kind = "module" if isinstance(subject, ModuleSubject) else "function"
        raise _wrong(f"{name} is a {kind}", "kind")
    for dim in (AXIS, *dims(subject)):
        if dim not in stored.sizes:
            raise _wrong(f"{name} has a dimension {dim!r}, which the sizes lack", "sizes")
        least = 0 if isinstance(subject, FunctionSubject) else 1
        if stored.sizes[dim] < least:
            message = f"the dimension {dim!r} of {name} has a size of {least} or more"
            raise _wrong(message, f"sizes.{dim}")
    arguments = _arguments(subject)
    for array in jax.tree_util.tree_leaves(arguments):
        elements = stored.sizes[AXIS]
        for size in array.shape(stored.sizes):
            elements *= size
        if elements > LARGEST_ARRAY:
            raise _wrong(f"an argument has more than {LARGEST_ARRAY} elements", "sizes")
    dtypes = ("float32",) if isinstance(subject, ModuleSubject) else subject.dtypes
    if stored.dtype not in dtypes:
        raise _wrong(f"{stored.dtype!r} is not one of {', '.join(dtypes)}", "dtype")
    for i, axes in enumerate(stored.axes):
        if len(axes.in_axes) != len(arguments):
            at = f"axes[{i}].in_axes"
            raise _wrong(f"{name} has {len(arguments)} arguments, not {len(axes.in_axes)}", at)
    if isinstance(stored, StoredModuleCall) and isinstance(subject, ModuleSubject):
        for collection in subject.collections:
            if collection not in stored.variable_axes:
                raise _wrong(f"the collection {collection!r} has no axis", "variable_axes")
        for stream in stored.split_rngs:
            if stream not in subject.streams:
                raise _wrong(f"{name} has no stream {stream!r}", "split_rngs")


def _arguments(subject: Subject) -> tuple[Any, ...]:
    return subject.inputs if isinstance(subject, ModuleSubject) else subject.arguments


def check_axes(call: Call) -> None:
    """Check that every array has the axes that the call maps.

    Traces the subject without computing anything. Of what cannot be traced here, the result's axes
    are not checked.

    Raises:
        MalformedCall: an argument, a variable or a result has no such axis, or nothing is mapped.
    """
    for i, axes in enumerate(call.axes):
        for j, (tree, axis) in enumerate(zip(_arguments(call.subject), axes.in_axes, strict=True)):
            ranks = [len(array.dims) for array in jax.tree_util.tree_leaves(tree)]
            _check_axis(axis, ranks, f"axes[{i}].in_axes[{j}]")
        # The lift of a generated module is given `axis_size` in any case.
        has_size = isinstance(call, GeneratedModuleCall)
        nothing = not has_size and all(axis is None for axis in axes.in_axes)
        options = dict(axes.options) | dict(getattr(call, "options", {}))
        if nothing and "axis_size" not in options:
            raise _wrong("no argument is mapped", f"axes[{i}].in_axes")
    try:
        ranks = oracle.output_ranks(call)
        variables = _variable_ranks(call)
    except Exception:
        return
    for i, axes in enumerate(call.axes):
        if axes.out_axes is None:
            raise _wrong("a mapped result has an axis", f"axes[{i}].out_axes")
        _check_axis(axes.out_axes, ranks, f"axes[{i}].out_axes")
    for name, ranks_of_collection in variables.items():
        assert isinstance(call, ModuleCall)
        _check_axis(call.variable_axes[name], ranks_of_collection, f"variable_axes.{name}")


def _check_axis(axis: Axis, ranks: list[int], path: str) -> None:
    """The batched array has one axis more than the array of one example."""
    least = min(ranks, default=LARGEST_RANK)
    if axis is not None and not -least - 1 <= axis <= least:
        raise _wrong(f"the batched array has no axis {axis}: it has {least + 1} axes", path)


def _variable_ranks(call: Call) -> dict[str, list[int]]:
    if not isinstance(call, ModuleCall):
        return {}
    unmapped = attrs.evolve(call, variable_axes=dict.fromkeys(call.variable_axes))
    shapes = oracle.variable_shapes(unmapped)
    return {
        name: [leaf.ndim for leaf in jax.tree_util.tree_leaves(tree)]
        for name, tree in shapes.items()
    }


OPTIONS_OF_AXES = (
    "axis_size",
    "spmd_axis_name",
    "devices",
    "donate_argnums",
    "static_broadcasted_argnums",
)
"""What laws tell transforms beyond axes."""


def check_options(call: Call, transform: Transform) -> None:
    """Check that the transform knows the call's options.

    Raises:
        MalformedCall: an option is none of the transform's.
    """
    for i, axes in enumerate(call.axes):
        for name, _ in axes.options:
            if name not in OPTIONS_OF_AXES:
                raise _wrong(f"unknown option {name!r}", f"axes[{i}].options")
    if isinstance(call, ModuleCall) and call.options:
        known = (options for group in transform.variants(call).values() for options in group)
        if _text(call.options) not in map(_text, known):
            raise _wrong(f"{transform.name} has no options {_text(call.options):.80}", "options")


def _text(options: Mapping[str, Any]) -> str:
    """Options as JSON, which knows lists and no tuples."""
    return json.dumps(dict(options), sort_keys=True, default=repr)
