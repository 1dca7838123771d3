"""For a user's own test suite: hold a function or module to the laws, in one call.

from conformance.testing import assert_conforms

def test_my_cell_maps():
    assert_conforms(MyCell(features=8), inputs=[(8,), (4,)])
"""

import io
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from conformance.cli import options
from conformance.events.log import CONFORMING, encode
from conformance.reporting import terminal
from conformance.reporting.console import Console
from conformance.runner import items
from conformance.transforms import TRANSFORMS
from conformance.user_subjects import subjects
from properties.laws import LAWS
from properties.profile import PROFILES
from properties.subject import Subject

_numbers = itertools.count(1)


def assert_conforms(
    subject: Callable[..., Any],
    inputs: Sequence[Any],
    transforms: Sequence[str] = (),
    *,
    streams: Sequence[str] = ("params",),
    profile: str = "quick",
    seed: int = 0,
) -> None:
    """Hold a function, or a Linen or NNX module, to every law that applies to it.

    ``inputs`` are those of one example, as `conformance.own.function` takes them: shapes, whose names
    are dimensions that the calls choose, or arrays. ``transforms`` are names as
    ``vmap-conformance list transforms`` shows them, all by default; ``streams`` are the PRNG streams
    that a Linen module draws from.

    Raises AssertionError with each violation as `run` prints it, and where no law could be checked at
    all; ValueError for a transform or profile that is not known; `own.SubjectsError` for inputs that the
    subject does not take.
    """
    for kind, chosen, known in (
        ("transform", transforms, TRANSFORMS),
        ("profile", [profile], PROFILES),
    ):
        for name in chosen:
            if name not in known:
                raise ValueError(options.unknown(kind, name, known))
    made = _subject(subject, inputs, streams)
    how = attrs.evolve(PROFILES[profile], seed=seed)
    with subjects.registered(made):
        results = [
            (law, transform, items.run(items.Item(law, transform, made), how))
            for transform in TRANSFORMS.values()
            for law in LAWS.values()
            if (not transforms or transform.name in transforms) and law.applies_to(transform, made)
        ]
    wrong = [
        {"law": law.id, "transform": transform.name, "subject": made.name, **encode(result)}
        for law, transform, result in results
        if result["outcome"] not in CONFORMING
    ]
    if wrong:
        raise AssertionError("\n\n".join(map(_in_words, wrong)))
    # That shapes are right, or wrong calls refused, says nothing of the values.
    values = [result for law, _, result in results if law.id.endswith(".equals-per-example")]
    if not any(result["outcome"] == "holds" for result in values):
        reasons = sorted({result["detail"]["reason"] for result in values})
        raise AssertionError(f"no law could be checked of {made.name}: {'; '.join(reasons)}")


def _subject(subject: Any, inputs: Sequence[Any], streams: Sequence[str]) -> Subject:
    # Traces are kept by name, so no two subjects may share one.
    name = f"{getattr(subject, '__name__', type(subject).__name__)}-{next(_numbers)}"
    if hasattr(subject, "__name__"):
        return subjects.function(name, subject, inputs)
    return subjects.module(name, subject, inputs, streams=streams)


def _in_words(result: dict[str, Any]) -> str:
    text = io.StringIO()
    Console(width=100, file=text, color_system=None).print(terminal.explained(result))
    return text.getvalue()
