"""JUnit XML, for CI systems that read it."""

import xml.etree.ElementTree as ET

from conformance.log import CONFORMING
from conformance.views.summary import Summary


def render(summary: Summary) -> str:
    """The results as JUnit XML: one suite, one case per (law, transform, subject)."""
    broken = {"crashed", "timed-out"}
    suite = ET.Element(
        "testsuite",
        name="vmap-conformance",
        tests=str(len(summary.results)),
        failures=str(summary.counts["violated"]),
        errors=str(sum(summary.counts[name] for name in broken)),
        skipped=str(summary.counts["not-applicable"]),
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
        if result["outcome"] == "not-applicable":
            ET.SubElement(case, "skipped", message=detail["reason"])
        elif result["outcome"] not in CONFORMING:
            tag = "error" if result["outcome"] in broken else "failure"
            message = detail.get("message") or detail.get("reason") or result["outcome"]
            ET.SubElement(case, tag, message=message, type=result["outcome"]).text = detail.get(
                "script"
            )
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"
