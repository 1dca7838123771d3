"""JUnit XML, for CI systems that read it."""

import xml.etree.ElementTree as ET

from conformance.events.log import CONFORMING, NOT_CHECKED
from conformance.reporting.printable import printable
from conformance.reporting.summary import Summary

DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'


def render(*summaries: Summary) -> str:
    """The results as JUnit XML: a suite per environment, one case per (law, transform, subject)."""
    suites = [_suite(summary, len(summaries) > 1) for summary in summaries]
    root = suites[0]
    if len(suites) > 1:
        root = ET.Element("testsuites", name="vmap-conformance")
        root.extend(suites)
    for element in root.iter():
        element.attrib = {name: printable(value) for name, value in element.attrib.items()}
        element.text = printable(element.text) if element.text else element.text
    ET.indent(root)
    # ElementTree would declare the locale's encoding.
    return DECLARATION + ET.tostring(root, encoding="unicode") + "\n"


def _suite(summary: Summary, named: bool) -> ET.Element:
    broken = {"crashed", "timed-out"}
    versions = (summary.header or {}).get("environment", {})
    label = f" jax {versions.get('jax')} flax {versions.get('flax')}" if named else ""
    suite = ET.Element(
        "testsuite",
        name=f"vmap-conformance{label}",
        tests=str(len(summary.results)),
        failures=str(summary.counts["violated"]),
        errors=str(sum(summary.counts[name] for name in broken)),
        skipped=str(sum(summary.counts[name] for name in NOT_CHECKED)),
        time=f"{summary.seconds or summary.total('seconds'):.3f}",
    )
    for result in summary.results:
        case = ET.SubElement(
            suite,
            "testcase",
            classname=f"{result['law']}.{result['transform']}",
            name=result.get("defect") or result["subject"],
            time=f"{result['seconds']:.3f}",
        )
        detail = result["detail"] or {}
        if result["outcome"] in NOT_CHECKED:
            skipped = f"{result['outcome']}: {detail['reason']}"
            ET.SubElement(case, "skipped", message=skipped)
        elif result["outcome"] not in CONFORMING:
            tag = "error" if result["outcome"] in broken else "failure"
            message = detail.get("message") or detail.get("reason") or result["outcome"]
            failure = ET.SubElement(case, tag, message=message, type=result["outcome"])
            failure.text = detail.get("script") or detail.get("output") or ""
    return suite
