"""What a result says beyond its outcome: a class per outcome."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import force_setattr

from conformance.events.arrays import Count, Quantity, Value, with_arrays
from conformance.events.outcomes import Effect, Outcome

Words = Annotated[str, Meta(min_length=1)]
Axis = int | None


class CallAxes(Struct, frozen=True, kw_only=True):
    """Where the batch axis is: in each argument (null: not mapped), and in the result."""

    in_axes: list[Axis]
    out_axes: Axis
    name: str | None = None
    options: tuple[tuple[str, Any], ...] = ()


class Call(Struct, frozen=True, kw_only=True):
    """One use of a transform on a subject, as `properties.call.to_json` writes it."""

    kind: Literal["function", "program", "module", "generated-module"]
    subject_name: str
    sizes: dict[str, Count]
    axes: list[CallAxes]
    dtype: str
    seed: Count
    special: bool | UnsetType = UNSET
    eager: bool | UnsetType = UNSET
    flipped: bool | UnsetType = UNSET
    typed: bool | UnsetType = UNSET
    program: Annotated[
        dict[str, Any] | UnsetType, Meta(description="A generated program: its statements.")
    ] = UNSET
    module: Annotated[
        dict[str, Any] | UnsetType, Meta(description="A generated module: what is nested in what.")
    ] = UNSET
    key: Count | UnsetType = UNSET
    variable_axes: dict[str, Axis] | UnsetType = UNSET
    split_rngs: dict[str, bool] | UnsetType = UNSET
    options: Annotated[
        dict[str, Any] | UnsetType, Meta(description="What else the transform is given.")
    ] = UNSET

    def __post_init__(self) -> None:
        if "batch" not in self.sizes:
            raise ValueError("sizes lack `batch`")
        of_modules = ("variable_axes", "split_rngs", "key", "typed")
        missing = [name for name in of_modules if getattr(self, name) is UNSET]
        if self.kind == "module" and missing:
            raise ValueError(f"Object missing required field `{missing[0]}`")


class Violation(Struct, frozen=True, kw_only=True):
    """A call on which the law does not hold, and how it is seen."""

    call: Call
    what: Annotated[str, Meta(description="What was computed: map, init, apply, ...")]
    message: Words
    path: Annotated[str, Meta(description="The leaf, empty where there is one.")]
    expected: Value
    got: Value
    max_ulps: Quantity
    error: Quantity
    bound: Annotated[Quantity, Meta(description="The error allowed where it was worst.")]
    cause: str | None
    script: Annotated[str, Meta(description="Python that shows it with JAX, Flax and NumPy only.")]

    def __post_init__(self) -> None:
        for name in ("expected", "got"):
            force_setattr(self, name, with_arrays(getattr(self, name), name))


class KnownDefect(Struct, frozen=True, kw_only=True):
    """Which known defect the item is the minimal call of."""

    defect: Annotated[str, Meta(description="Its id, as `vmap-conformance list defects` has it.")]
    effect: Annotated[Effect | UnsetType, Meta(description="The worst that it does to a user.")] = (
        UNSET
    )


_SOURCES = (
    "`suite`, `user` or `jax`; `release` where one that is newer than any that was tried cannot do it "
    "unmapped; or the known defects that every call shows."
)


class NotApplicable(Struct, frozen=True, kw_only=True):
    """Why a law has no meaning for a transform of a subject, or for every call drawn."""

    reason: Words
    source: Annotated[str, Meta(description=_SOURCES)]


class NotSampled(Struct, frozen=True, kw_only=True):
    """Why a run of this profile did not check the item."""

    reason: Words


class Casualty(Struct, frozen=True, kw_only=True):
    """Why an item left no result of its own."""

    reason: Words
    output: Annotated[str, Meta(description="The last lines that its process wrote.")]


Detail = Violation | KnownDefect | NotApplicable | NotSampled | Casualty | None

DETAILS: Mapping[Outcome, type[Any]] = {
    "holds": type(None),
    "violated": Violation,
    "known-defect": KnownDefect,
    "fixed-defect": KnownDefect,
    "not-applicable": NotApplicable,
    "not-sampled": NotSampled,
    "crashed": Casualty,
    "timed-out": Casualty,
}
"""The class of a result's detail, by its outcome."""
