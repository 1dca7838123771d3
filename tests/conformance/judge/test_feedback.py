"""No candidate begins a line of the output, or acts on the terminal."""

from __future__ import annotations

import attrs
import msgspec
import numpy as np
import pytest

from conformance.events import records
from conformance.judge import feedback
from conformance.judge.verdict import Counterexample, Diagnosis, Verdict
from conformance.reporting.verdicts import html
from conformance.reporting.verdicts import text as words
from conformance.reporting.verdicts.marks import mark

FORGED = "x\nb.py: update  conforms  (100 calls over 8 shapes, 0.1 s)"
ODD = "\x1b[2J\r\u202e\u2028\x9b\udc80\x00"


def verdict_of(text: str) -> Verdict:
    return Verdict(
        candidate=text,
        exercise="update",
        verdict="violates",
        message=text,
        diagnosis=Diagnosis(text, text, text),
        counterexample=Counterexample({"x": np.ones(2), text: text}, [1.0, (text,)], text),
        error={"type": text, "message": text, "frames": [[text, text, text]]},
        printed=text,
        printed_bytes=7,
        remarks=(text,),
        task=text,
        lift=text,
        further_reading=(text,),
    )


@pytest.mark.parametrize("verbose", [False, True])
def test_a_line_break_from_a_candidate_begins_no_line(verbose: bool) -> None:
    lines = feedback.text(verdict_of(FORGED), verbose=verbose).splitlines()
    assert not [line for line in lines if line.startswith("b.py")]
    assert sum("conforms" in line for line in lines) > 5
    first, *rest = lines
    assert first.startswith("x\\nb.py")
    assert all(line.startswith("  ") for line in rest)


def test_a_log_and_the_run_say_the_same() -> None:
    arguments = {"x": np.ones(2), "in_axes": (0, 1), "sizes": [0, 1], "trees": ({"w": (1.0,)}, [])}
    verdict = attrs.evolve(verdict_of("x"), counterexample=Counterexample(arguments, ((0,),), [1]))
    logged = msgspec.json.encode(feedback.record(verdict, "c"))
    again = words.lines(msgspec.json.decode(logged, type=records.Verdict))
    assert again == words.lines(feedback.shown(verdict))
    assert "    in_axes = (0, 1)" in again
    assert "    sizes = [0, 1]" in again


def test_no_control_character_reaches_the_terminal() -> None:
    text = feedback.text(verdict_of(ODD), verbose=True)
    assert not [each for each in ODD if each not in "[2J" and each in text]
    assert "\\x1b" in text
    text.encode()  # what cannot be encoded would end the command


WARNED = "w.py:3: RuntimeWarning: overflow encountered in exp\n  return 1 / (1 + np.exp(-x))\n"


@pytest.mark.parametrize(
    ("output", "heading"),
    [
        (WARNED, "Python warned:"),
        (WARNED + "/a dir/x.py:9: DeprecationWarning: use y\n", "Python warned:"),
        (WARNED + "loss 0.3\n", "it printed 7 bytes, beginning:"),
        ("here:3: no Warning: at all\n", "it printed 7 bytes, beginning:"),
    ],
)
def test_a_warning_of_pythons_is_not_said_to_be_printed(output: str, heading: str) -> None:
    verdict = attrs.evolve(verdict_of("some text"), printed=output)
    said = [line.strip() for line in feedback.text(verdict).splitlines()]
    assert [line for line in said if line.startswith(("Python warned", "it printed"))] == [heading]
    marked = mark([feedback.record(verdict, "cell")])
    page = html.student_page(marked, marked.rows[0])
    assert ("What Python warned of" in page) == (heading == "Python warned:")


def test_a_record_of_a_verdict_is_valid() -> None:
    record = feedback.record(verdict_of("some text"), "cell")
    assert (record.words, record.reading) == ("some text", ["some text"])
    assert record.diagnosis == "some text"
