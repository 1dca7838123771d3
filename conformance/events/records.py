"""One class per event of the log, schema 1. A reader ignores fields that a class does not name."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import force_setattr

from conformance.events.arrays import Count, Quantity, Value, relocated, with_arrays
from conformance.events.details import DETAILS, Detail, Words
from conformance.events.outcomes import Judgement, Outcome
from conformance.events.user_code import PackageImports, UserSources, UserSubject

SCHEMA: Literal[1] = 1

if TYPE_CHECKING:
    AnyDetail = Detail
else:
    AnyDetail = Any  # which class it is depends on the outcome: `Result.__post_init__` converts it

Seconds = Annotated[float, Meta(ge=0)]
Law = Annotated[str, Meta(pattern=r"^[a-z]+\.[a-z0-9-]+$")]
Cell = Annotated[
    str,
    Meta(
        min_length=1,
        description="The run this line belongs to; logs of several cells may be joined.",
    ),
]


class Environment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Versions, null where a package is not installed; the rest is missing where JAX never started."""

    python: str | None
    jax: str | None
    jaxlib: str | None
    flax: str | None
    numpy: str | None
    chex: str | None
    hypothesis: str | None
    platform: str | UnsetType = UNSET
    devices: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    x64: bool | UnsetType = UNSET
    prng: str | UnsetType = UNSET
    threefry_partitionable: bool | UnsetType = UNSET
    xla_flags: str | UnsetType = UNSET


class Event(Struct, frozen=True, kw_only=True, tag_field="type", tag=str.lower):
    """One line of a log."""

    cell: Cell


class Header(Event, frozen=True, kw_only=True):
    """The first line of a cell: what ran where."""

    schema: Literal[1]
    suite: Annotated[str, Meta(description="The version of vmap-conformance.")]
    environment: Environment
    profile: str
    seed: Annotated[Count, Meta(description="Reproduces the cell's calls.")]
    shard: Annotated[
        tuple[Annotated[int, Meta(ge=1)], Annotated[int, Meta(ge=1)]],
        Meta(description="Which part of how many."),
    ]
    command: list[str]
    chosen: Annotated[
        list[str] | UnsetType,
        Meta(description="The options that choose what is checked, such as `--law`, `mapping.*`."),
    ] = UNSET
    isolation: Annotated[
        str | UnsetType, Meta(description="Of verdicts: how candidates were kept apart.")
    ] = UNSET
    required: Annotated[
        list[str] | UnsetType,
        Meta(description="Of verdicts: exercises that every file had to have a function for."),
    ] = UNSET
    skipped: Annotated[
        list[str] | UnsetType, Meta(description="Of verdicts: what was found and not judged.")
    ] = UNSET
    workers: Count | UnsetType = UNSET
    cache_entries: Annotated[
        Count | UnsetType, Meta(description="Programs in the compilation cache when the run began.")
    ] = UNSET
    observations: Annotated[
        Count | UnsetType,
        Meta(description="Which fixed list of cases was observed: only equal ones are compared."),
    ] = UNSET
    asked: Annotated[
        str | UnsetType, Meta(description="The environment as the command line named it.")
    ] = UNSET
    problem: Annotated[
        str | UnsetType, Meta(description="Why the cell did not run, or not to its end.")
    ] = UNSET
    built: Annotated[
        bool | UnsetType, Meta(description="False where the environment could not be built.")
    ] = UNSET
    subjects: Annotated[
        dict[str, UserSubject] | UnsetType,
        Meta(description="The user's own subjects by name, and modules that cannot be imported."),
    ] = UNSET
    share: Annotated[
        Count | UnsetType,
        Meta(
            description="Of an upgrade of a user's code: one in so many of the suite's own items is "
            "checked, beside those of primitives that the code uses."
        ),
    ] = UNSET
    primitives: Annotated[
        list[str] | UnsetType,
        Meta(description="Of an upgrade of a user's code: what the code is traced to."),
    ] = UNSET
    sources: Annotated[
        UserSources | UnsetType,
        Meta(description="What the user's sources use; in the first cell of an upgrade."),
    ] = UNSET
    package_imports: Annotated[
        PackageImports | UnsetType,
        Meta(description="Of an upgrade of a user's code: other packages that the code imports."),
    ] = UNSET


class Named(Event, frozen=True, kw_only=True):
    """A line about one item."""

    law: Law
    transform: str
    subject: str
    defect: Annotated[
        str | UnsetType,
        Meta(description="The known defect's id, where the item is its minimal call."),
    ] = UNSET


class Started(Named, frozen=True, kw_only=True):
    """Written before an item runs, so that a process that dies leaves its name."""


class Result(Named, frozen=True, kw_only=True):
    """What came of an item."""

    outcome: Outcome
    examples: Annotated[Count, Meta(description="Calls checked.")]
    seconds: Seconds
    compilations: Annotated[int, Meta(description="Without those that the cache gave.")]
    detail: AnyDetail
    combinations: Annotated[
        Count | UnsetType, Meta(description="Combinations of axes in the calls.")
    ] = UNSET
    shapes: Annotated[Count | UnsetType, Meta(description="Sets of sizes.")] = UNSET
    compile_seconds: Seconds | UnsetType = UNSET
    cache_hits: Count | UnsetType = UNSET
    digest: Annotated[
        Annotated[str, Meta(pattern="^[0-9a-f]{8}$")] | UnsetType,
        Meta(description="A checksum of the calls drawn."),
    ] = UNSET
    oracle: Annotated[
        str | UnsetType, Meta(description="What judged the values of a user's own subject.")
    ] = UNSET

    def __post_init__(self) -> None:
        if self.outcome == "holds" and self.examples < 1:
            raise ValueError("`holds` needs at least one example - at `$.examples`")
        wanted = DETAILS[self.outcome]
        if isinstance(self.detail, wanted):
            return
        try:
            force_setattr(self, "detail", msgspec.convert(self.detail, wanted))
        except msgspec.ValidationError as error:
            raise ValueError(relocated(error, "detail")) from None


class Observation(Event, frozen=True, kw_only=True):
    """A recorded fact that no law fixes."""

    key: Words
    value: Value

    def __post_init__(self) -> None:
        force_setattr(self, "value", with_arrays(self.value, "value"))


class BatchingRules(Struct, frozen=True, kw_only=True):
    """Names of primitives in JAX's table of batching rules."""

    registered: Annotated[Count, Meta(description="How many rules there are.")]
    exempt: Annotated[
        dict[str, str], Meta(description="Why a rule is not expected to run, by its name.")
    ]
    exercised: list[str]
    missing: list[str]
    later: Annotated[
        list[str] | UnsetType, Meta(description="Exercised, but registered after the run began.")
    ] = UNSET


class Coverage(Event, frozen=True, kw_only=True):
    """Which of JAX's batching rules the cell exercised."""

    batching_rules: BatchingRules


class Counterexample(Struct, frozen=True, kw_only=True):
    """The smallest call found that shows what is wrong with a candidate."""

    arguments: dict[str, Value]
    expected: Value = UNSET
    got: Value = UNSET
    difference: str | UnsetType = UNSET
    ulps: Quantity | UnsetType = UNSET

    def __post_init__(self) -> None:
        for name in ("arguments", "expected", "got"):
            force_setattr(self, name, with_arrays(getattr(self, name), name))


class Verdict(Event, frozen=True, kw_only=True):
    """What the judge says of one candidate and one exercise."""

    candidate: str
    exercise: str | None
    verdict: Judgement
    law: str | None
    diagnosis: Annotated[str | None, Meta(description="The pitfall recognised.")]
    counterexample: Counterexample | None
    seconds: Seconds
    words: str | UnsetType = UNSET
    observed: bool | UnsetType = UNSET
    advice: list[str] | UnsetType = UNSET
    error: dict[str, Any] | UnsetType = UNSET
    printed: str | UnsetType = UNSET
    printed_bytes: Count | UnsetType = UNSET
    remarks: list[str] | UnsetType = UNSET
    task: Annotated[str | UnsetType, Meta(description="The exercise's signature and contract.")] = (
        UNSET
    )
    lift: Annotated[
        str | UnsetType, Meta(description="The first call to flax.linen.vmap that was observed.")
    ] = UNSET
    reading: list[str] | UnsetType = UNSET
    calls: Count | UnsetType = UNSET
    shapes: Count | UnsetType = UNSET
    right_calls: Annotated[
        Count | UnsetType, Meta(description="Calls of which nothing was wrong.")
    ] = UNSET
    drawn_calls: Annotated[Count | UnsetType, Meta(description="Calls that were to be made.")] = (
        UNSET
    )
    right_shapes: Annotated[
        Count | UnsetType, Meta(description="Shapes of which every call was right.")
    ] = UNSET
    drawn_shapes: Annotated[
        Count | UnsetType, Meta(description="Shapes of the calls that were to be made.")
    ] = UNSET
    isolation: str | UnsetType = UNSET
    lacks: list[str] | UnsetType = UNSET
    student: Annotated[
        str | UnsetType,
        Meta(
            description="The directory of the student whose file it is; not there for a file alone."
        ),
    ] = UNSET


class Footer(Event, frozen=True, kw_only=True):
    """The last line of a complete cell."""

    counts: Annotated[
        dict[str, Annotated[int, Meta(ge=1)]],
        Meta(description="How many items had which outcome or verdict."),
    ]
    seconds: Seconds


Record = Header | Started | Result | Observation | Coverage | Verdict | Footer
