"""Verdicts as JUnit XML: a suite for each student, a case for each exercise."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from itertools import groupby

from conformance.events.counted import counted, student_of
from conformance.events.records import Verdict
from conformance.reporting.junit import serialise
from conformance.reporting.verdicts import text

_ERRORS = ("error", "timeout", "crashed")


def render(verdicts: Sequence[Verdict]) -> str:
    """The verdicts as JUnit XML."""
    root = ET.Element("testsuites", name="vmap-conformance check")
    for student, group in groupby(counted(verdicts), key=student_of):
        said = list(group)
        suite = ET.SubElement(
            root,
            "testsuite",
            name=text.one_line(student),
            tests=str(len(said)),
            failures=str(sum(each.verdict in ("violates", "missing") for each in said)),
            errors=str(sum(each.verdict in _ERRORS for each in said)),
            skipped="0",
            time=f"{sum(each.seconds for each in said):.3f}",
        )
        for each in said:
            _case(suite, each)
    return serialise(root)


def _case(suite: ET.Element, verdict: Verdict) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=text.one_line(verdict.candidate),
        name=text.one_line(verdict.exercise or "(the file)"),
        time=f"{verdict.seconds:.3f}",
    )
    if verdict.verdict == "conforms":
        return
    tag = "error" if verdict.verdict in _ERRORS else "failure"
    found = ET.SubElement(case, tag, type=verdict.verdict)
    found.set("message", text.shortened(verdict.words or verdict.verdict))
    found.text = "\n".join(text.lines(verdict))
