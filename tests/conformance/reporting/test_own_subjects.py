"""The line that says which of the user's own subjects conform."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from conformance.events.reader import read
from conformance.events.records import Header
from conformance.events.user_code import SubjectError, UserSubject
from conformance.reporting import markdown
from conformance.reporting.own_subjects import NAMED, in_one_line
from conformance.reporting.summary import Summary, summarise
from conformance.reporting.terminal import conclusion

DETAILS = {
    "not-sampled": {"reason": "another seed"},
    "crashed": {"reason": "the process died", "output": ""},
}
Gathered = Callable[..., Summary]


@pytest.fixture
def gathered(written: Callable[..., Path]) -> Gathered:
    def make(listed: dict[str, UserSubject], **outcomes: str) -> Summary:
        """The summary of a log with these subjects of the user's, and an outcome of each name."""
        results = [
            {"law": law, "transform": "jax.vmap", "subject": name, "outcome": outcome}
            | {"detail": DETAILS.get(outcome)}
            for name, outcome in outcomes.items()
            for law in ("mapping.equals-per-example", "mapping.concatenates")
        ]
        records = read(written(*results))
        return summarise(
            [
                msgspec.structs.replace(r, subjects=listed) if isinstance(r, Header) else r
                for r in records
            ]
        )

    return make


def _listed(*names: str, error: SubjectError | None = None) -> dict[str, UserSubject]:
    return {name: UserSubject(module="mine", error=error) for name in names}


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        ({"norm": "holds"}, "your own: norm conforms"),
        ({"norm": "holds", "mlp": "holds"}, "your own: norm, mlp conform"),
        (
            {"norm": "holds", "mlp": "crashed", "rnn": "not-sampled"},
            "your own: norm conforms · mlp does not conform · rnn was not checked",
        ),
        ({"norm": "crashed", "mlp": "crashed"}, "your own: norm, mlp do not conform"),
    ],
)
def test_each_is_said_to_conform_or_not(
    gathered: Gathered, outcomes: dict[str, str], said: str
) -> None:
    summary = gathered(_listed(*outcomes), **outcomes, square="holds")
    assert in_one_line(summary) == said
    assert f"  {said}" in _end(summary)
    assert said in _text(conclusion.one_line(summary))
    assert f"\n{markdown.plain(said)}\n" in markdown.render(summary)


def test_nothing_is_said_where_the_user_has_none(gathered: Gathered) -> None:
    summary = gathered({}, square="holds")
    assert in_one_line(summary) is None
    assert "your own" not in _end(summary) + markdown.render(summary)


def test_many_that_conform_are_counted_and_those_that_do_not_are_named(gathered: Gathered) -> None:
    outcomes = {f"model-{n}": "holds" for n in range(NAMED + 1)}
    summary = gathered(_listed(*outcomes, "broken"), **outcomes, broken="crashed")
    assert (
        in_one_line(summary) == f"your own: {NAMED + 1} subjects conform · broken does not conform"
    )


def test_what_cannot_be_made_was_not_checked(gathered: Gathered) -> None:
    error = SubjectError(type="ImportError", line="no module")
    summary = gathered(_listed("mine (module)", error=error), square="holds")
    assert in_one_line(summary) == "your own: mine (module) was not checked"


def _end(summary: Summary) -> str:
    return "\n".join(map(_text, conclusion.lines(summary, 100)))


def _text(line: Any) -> str:
    return str(line.plain)
