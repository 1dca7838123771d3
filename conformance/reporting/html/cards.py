"""Cards of faults: what is wrong in words and as a picture, one card for each cause."""

import re

import attrs

from conformance.events.details import Violation
from conformance.events.records import Header, Result
from conformance.reporting.faults import Fault, group_by_cause
from conformance.reporting.html.pictures import Pictures, pictures
from conformance.reporting.html.results import ResultView
from conformance.reporting.summary import Summary, item_name

_SUBJECTS = re.compile(r"(?:^| )--subjects[= ]([\w.]+)")


@attrs.frozen
class Card:
    """One fault."""

    place: str
    title: str
    laws: list[str]
    transforms: list[str]
    variants: list[str]
    example: ResultView
    others: list[ResultView]
    pictures: Pictures
    command: str
    """What runs the example again."""


def cards(number: int, summary: Summary, views: dict[str, ResultView]) -> list[Card]:
    """The cards of a run.

    Args:
        number: The run's column on the page.
        summary: The run.
        views: Its results in full, by `item_name`.

    """
    return [
        _card(f"fault-{number}-{i}", fault, summary.header, views)
        for i, fault in enumerate(group_by_cause(summary.failures))
    ]


def _card(place: str, fault: Fault, header: Header | None, views: dict[str, ResultView]) -> Card:
    example, *others = [views[item_name(result)] for result in fault.results]
    detail = fault.example.detail
    return Card(
        place=place,
        title=f"{fault.subject}: {fault.symptom}",
        laws=fault.laws,
        transforms=fault.transforms,
        variants=fault.variants,
        example=example,
        others=others,
        pictures=pictures(detail) if isinstance(detail, Violation) else Pictures(),
        command=_command(fault.example, header),
    )


def _command(result: Result, header: Header | None) -> str:
    words = ["vmap-conformance run", f"--law {result.law}", f"--transform {result.transform}"]
    words.append(f"--subject {result.subject}")
    if header is not None:
        words[1:1] = [f"--subjects {module}" for module in _modules(header)]
        words += [f"--profile {header.profile}"] if header.profile != "quick" else []
        words.append(f"--seed {header.seed}")
    return " ".join(words)


def _modules(header: Header) -> dict[str, None]:
    """The user's modules: those that the run was given, some of which list maps only, and of its subjects."""
    given = dict.fromkeys(m[1] for m in _SUBJECTS.finditer(" ".join(header.command)))
    return given | dict.fromkeys(each.module for each in (header.subjects or {}).values())
