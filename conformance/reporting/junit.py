"""JUnit XML, for CI systems that read it."""

import xml.etree.ElementTree as ET

from conformance.events.details import Casualty, NotApplicable, NotSampled, Violation
from conformance.events.outcomes import CONFORMING, Outcome
from conformance.events.records import Result
from conformance.reporting.printable import printable
from conformance.reporting.summary import Summary

DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'
_ERRORS: tuple[Outcome, ...] = ("crashed", "timed-out")


def render(*summaries: Summary) -> str:
    """The results as JUnit XML: a suite per environment, one case per (law, transform, subject)."""
    suites = [_suite(summary, len(summaries) > 1) for summary in summaries]
    root = suites[0]
    if len(suites) > 1:
        root = ET.Element("testsuites", name="vmap-conformance")
        root.extend(suites)
    return serialise(root)


def serialise(root: ET.Element) -> str:
    """The document, every text in it made printable."""
    for element in root.iter():
        element.attrib = {name: printable(value) for name, value in element.attrib.items()}
        element.text = printable(element.text) if element.text else element.text
    ET.indent(root)
    # ElementTree would declare the locale's encoding.
    return DECLARATION + ET.tostring(root, encoding="unicode") + "\n"


def _suite(summary: Summary, named: bool) -> ET.Element:
    versions = summary.header.environment if named and summary.header else None
    label = f" jax {versions.jax} flax {versions.flax}" if versions else ""
    counts = summary.counts
    seconds = summary.total("seconds") if summary.seconds is None else summary.seconds
    suite = ET.Element(
        "testsuite",
        name=f"vmap-conformance{label}",
        tests=str(len(summary.results) + len(summary.gaps)),
        failures=str(counts["violated"]),
        errors=str(sum(counts[name] for name in _ERRORS) + len(summary.gaps)),
        skipped=str(counts["not-applicable"] + counts["not-sampled"]),
        time=f"{seconds:.3f}",
    )
    for result in summary.results:
        _case(suite, result)
    for gap in summary.gaps:
        # A system that reads nothing but this file would take what is not there for passed.
        case = ET.SubElement(suite, "testcase", classname="vmap-conformance", name=gap)
        ET.SubElement(case, "error", message=gap, type="incomplete")
    return suite


def _case(suite: ET.Element, result: Result) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=f"{result.law}.{result.transform}",
        name=result.defect or result.subject,
        time=f"{result.seconds:.3f}",
    )
    detail = result.detail
    if isinstance(detail, NotApplicable | NotSampled):
        ET.SubElement(case, "skipped", message=f"{result.outcome}: {detail.reason}")
    elif result.outcome not in CONFORMING:
        tag = "error" if result.outcome in _ERRORS else "failure"
        failure = ET.SubElement(case, tag, message=result.outcome, type=result.outcome)
        if isinstance(detail, Violation):
            failure.set("message", detail.message)
            failure.text = detail.script
        elif isinstance(detail, Casualty):
            failure.set("message", detail.reason)
            failure.text = detail.output
