"""What a log says as one JSON document, for tools: `--format json`.

`python -m conformance.reporting.document` writes its schema, `document.schema.json`, anew.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from conformance.events.arrays import Count
from conformance.events.details import Call, Casualty, KnownDefect, Violation
from conformance.events.outcomes import Outcome
from conformance.events.records import Environment, Verdict
from conformance.reporting.faults import Fault, group_by_cause
from conformance.reporting.known_effects import known_effects
from conformance.reporting.summary import RuleCoverage, Summary, item_name
from conformance.reporting.verdicts.marks import Class
from conformance.reporting.verdicts.text import one_line

VERSION: Literal[1] = 1
PATH = Path(__file__).with_name("document.schema.json")


class Cell(Struct, frozen=True, kw_only=True):
    """How many subjects of a law and a transform had which outcome."""

    law: str
    transform: str
    counts: dict[Outcome, Count]


class FoundFault(Struct, frozen=True, kw_only=True):
    """Failures of one subject that are wrong in the same way."""

    subject: str
    symptom: Annotated[str, Meta(description="What is wrong, in a few words.")]
    outcome: Outcome
    laws: list[str]
    transforms: list[str]
    failures: Annotated[Count, Meta(description="How many items show it.")]
    message: str
    call: Annotated[Call | None, Meta(description="The smallest call that shows it.")]
    cause: str | None
    script: Annotated[str | None, Meta(description="The path of a script that shows it.")]
    replay: Annotated[str | None, Meta(description="The path of the case that `replay` takes.")]


class SeenDefect(Struct, frozen=True, kw_only=True):
    """A known defect that the run saw."""

    id: str
    effect: Annotated[str, Meta(description="What it does: `silently wrong`, `raises`, ...")]


class Rules(Struct, frozen=True, kw_only=True):
    """Coverage of JAX's batching rules."""

    exercised: Count
    registered: Count
    exempt: Count
    missing: list[str]


class Run(Struct, frozen=True, kw_only=True):
    """One environment."""

    label: str
    environment: Environment | None
    profile: str | None
    seed: Count | None
    shards: Annotated[list[str], Meta(description="Such as `1/2`.")]
    missing_shards: list[str]
    complete: Annotated[bool, Meta(description="Every cell came to its end.")]
    problem: str | None
    seconds: float | None
    calls: Count
    digest: Annotated[str | None, Meta(description="A checksum of the calls drawn.")]
    counts: dict[Outcome, Count]
    cells: list[Cell]
    faults: list[FoundFault]
    known_defects: list[SeenDefect]
    fixed_defects: list[str]
    unfinished: Annotated[list[str], Meta(description="Items that began and have no result.")]
    batching_rules: Rules | None


class Change(Struct, frozen=True, kw_only=True):
    """One difference between two environments."""

    kind: str
    key: str
    sentence: str
    remedy: str
    breaks: Annotated[bool, Meta(description="It needs work before an upgrade.")]
    consequences: list[str]


class Place(Struct, frozen=True, kw_only=True):
    """Lines of one of the user's files."""

    file: str
    lines: Annotated[list[Count], Meta(description="Empty for the whole file.")]


class Told(Struct, frozen=True, kw_only=True):
    """What a difference means for the user's code."""

    what: Annotated[str, Meta(description="A name of JAX's or Flax's, an observation, or nothing.")]
    sentence: str
    subject: Annotated[str, Meta(description="The user's subject that it is about, or nothing.")]
    places: list[Place]
    follows: Annotated[
        bool, Meta(description="It follows from another, and is nothing to do by itself.")
    ]


class Yours(Struct, frozen=True, kw_only=True):
    """What the upgrade means for the user's code."""

    title: Annotated[str, Meta(description="What was looked at, such as `model, 2 subjects`.")]
    to_do: list[Told]
    to_know: list[Told]
    may_concern: Annotated[
        list[Told],
        Meta(description="Changes of names that the sources use; their calls may not meet them."),
    ]
    as_before: list[str]


class Comparison(Struct, frozen=True, kw_only=True):
    """How an environment differs from the first."""

    before: str
    after: str
    compared: Annotated[bool, Meta(description="False where one of the two did not run.")]
    unchanged: Count
    looked_at: Annotated[
        dict[str, Count],
        Meta(description="How many checks of laws and observations of each group were compared."),
    ]
    yours: Annotated[
        Yours | None, Meta(description="Null where neither sources nor subjects were given.")
    ]
    changes: list[Change]
    notes: list[str]


class Judging(Struct, frozen=True, kw_only=True):
    """How candidates were judged."""

    isolation: str
    lacks: Annotated[list[str], Meta(description="What the isolation does not keep out.")]
    seed: Count
    examples: Annotated[Count, Meta(description="Calls for each function.")]
    not_judged: Annotated[list[str], Meta(description="What is no Python file or notebook.")]


class Mark(Struct, frozen=True, kw_only=True):
    """What one exercise of a file gets."""

    exercise: str
    outcome: str
    points: float
    possible: Annotated[float, Meta(description="The points that it is worth.")]
    required: Annotated[bool, Meta(description="It counts towards the maximum.")]


class MarkedFile(Struct, frozen=True, kw_only=True):
    """What a file gets."""

    file: str
    points: float
    exercises: list[Mark]


class Marks(Struct, frozen=True, kw_only=True):
    """The marks of all files; one point for each exercise where nothing else is stated."""

    title: str
    possible: Annotated[float, Meta(description="The points of all that is required.")]
    files: list[MarkedFile]


class Document(Struct, frozen=True, kw_only=True):
    """Everything that a command found."""

    schema: Literal[1] = VERSION
    status: Annotated[int, Meta(description="The exit status.")]
    log: str | None = None
    runs: list[Run] = []
    comparisons: list[Comparison] = []
    verdicts: list[Verdict] = []
    judging: Judging | None = None
    marks: Marks | None = None


def run(
    label: str,
    summary: Summary,
    *,
    problem: str | None = None,
    scripts: Mapping[str, str] | None = None,
) -> Run:
    """The part of the document about one environment.

    Args:
        label: The environment's name.
        summary: What ran in it.
        problem: Why it did not run, or not to its end.
        scripts: The path of the script saved for a failure, by `item_name`.

    """
    header, rules = summary.header, summary.rules
    cells = (
        Cell(law=law, transform=transform, counts=dict(summary.cell(law, transform)))
        for law in summary.laws
        for transform in summary.transforms
    )
    return Run(
        label=label,
        environment=header.environment if header else None,
        profile=header.profile if header else None,
        seed=header.seed if header else None,
        shards=[f"{part}/{parts}" for part, parts in (each.shard for each in summary.headers)],
        missing_shards=summary.missing_shards,
        complete=not (problem or summary.incomplete),
        problem=problem,
        seconds=summary.seconds,
        calls=int(summary.total("examples")),
        digest=summary.digest,
        counts=dict(summary.counts),
        cells=[cell for cell in cells if cell.counts],
        faults=[_fault(each, scripts or {}) for each in group_by_cause(summary.failures)],
        known_defects=_known(summary),
        fixed_defects=_defects(summary, "fixed-defect"),
        unfinished=[item_name(each) for each in summary.unfinished],
        batching_rules=None if rules is None else _rules(rules),
    )


def marks(marked: Class) -> Marks:
    """The part of the document about the points of each file.

    Args:
        marked: the files and their marks.

    """
    files = [
        MarkedFile(
            file=one_line(row.student),
            points=row.points,
            exercises=[
                Mark(
                    exercise=one_line(each.exercise),
                    outcome=each.outcome,
                    points=each.points,
                    possible=each.possible,
                    required=each.required,
                )
                for each in row.marks
            ],
        )
        for row in marked.rows
    ]
    return Marks(title=marked.title, possible=marked.possible, files=files)


def text(document: Document) -> str:
    """The document as JSON."""
    return json.dumps(msgspec.to_builtins(document), indent=1) + "\n"


def schema() -> dict[str, Any]:
    """The JSON schema of a document."""
    (reference, *_), definitions = msgspec.json.schema_components(
        [Document], ref_template="#/$defs/{name}"
    )
    definitions["Value"] = {"description": "A tree of arrays, numbers and words."}
    made = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:vmap-conformance:document:{VERSION}",
        "title": "What vmap-conformance's run and report print with --format json",
        **reference,
        "$defs": dict(sorted(definitions.items())),
    }
    # As a file has it: msgspec gives tuples where JSON has lists.
    plain: dict[str, Any] = json.loads(json.dumps(made), object_hook=_of_any_release)
    return plain


def _of_any_release(part: dict[str, Any]) -> dict[str, Any]:
    """A part of the schema without what msgspec says since 0.23 alone: which names a mapping's keys have."""
    return {key: value for key, value in part.items() if key != "propertyNames"}


def _fault(fault: Fault, scripts: Mapping[str, str]) -> FoundFault:
    example = fault.example
    detail = example.detail
    violation = detail if isinstance(detail, Violation) else None
    script = scripts.get(item_name(example))
    return FoundFault(
        subject=fault.subject,
        symptom=fault.symptom,
        outcome=example.outcome,
        laws=fault.laws,
        transforms=fault.transforms,
        failures=len(fault.results),
        message=detail.reason
        if isinstance(detail, Casualty)
        else violation.message
        if violation
        else "",
        call=violation.call if violation else None,
        cause=violation.cause if violation else None,
        script=script,
        replay=str(Path(script).with_suffix(".json")) if script else None,
    )


def _rules(rules: RuleCoverage) -> Rules:
    return Rules(
        exercised=rules.exercised,
        registered=rules.registered,
        exempt=rules.exempt,
        missing=list(rules.missing),
    )


def _defects(summary: Summary, outcome: Outcome) -> list[str]:
    details = (result.detail for result in summary.results if result.outcome == outcome)
    return [detail.defect for detail in details if isinstance(detail, KnownDefect)]


def _known(summary: Summary) -> list[SeenDefect]:
    seen = known_effects(summary.results)
    return [SeenDefect(id=name, effect=effect or "unknown") for name, effect in seen.items()]


if __name__ == "__main__":
    PATH.write_text(json.dumps(schema(), indent=2) + "\n", encoding="utf-8")
