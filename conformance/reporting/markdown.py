"""Markdown, for a CI job's summary."""

from conformance.reporting.summary import ORDER, Summary
from conformance.reporting.terminal import call_in_words, remarks


def render(summary: Summary) -> str:
    """The table of laws by transforms, and one section per failure."""
    lines = ["# vmap-conformance", ""]
    if summary.header is not None:
        environment = summary.header["environment"]
        names = ("jax", "jaxlib", "flax", "python")
        lines += [", ".join(f"{name} {environment.get(name)}" for name in names), ""]
    lines.append(", ".join(f"{summary.counts[n]} {n}" for n in ORDER if summary.counts[n]))
    lines += ["", "| law | " + " | ".join(summary.transforms) + " |"]
    lines.append("|---" * (1 + len(summary.transforms)) + "|")
    for law in summary.laws:
        counts = (summary.cell(law, transform) for transform in summary.transforms)
        cells = (", ".join(f"{c[n]} {n}" for n in ORDER if c[n]) for c in counts)
        lines.append(f"| `{law}` | " + " | ".join(cells) + " |")
    for failure in summary.failures:
        detail = failure["detail"] or {}
        lines += [
            "",
            f"## {failure['outcome']}: {failure['law']}, {failure['transform']} of {failure['subject']}",
        ]
        if "call" in detail:
            lines += ["", call_in_words(detail["call"])]
        lines += ["", detail.get("message") or detail.get("reason", "")]
        if detail.get("cause"):
            lines += ["", f"Likely cause: {detail['cause']}"]
        if detail.get("script"):
            lines += [
                "",
                "<details><summary>script</summary>",
                "",
                "```python",
                detail["script"],
                "```",
                "</details>",
            ]
    return "\n".join([*lines, *(["", *remarks(summary)] if remarks(summary) else [])]) + "\n"
