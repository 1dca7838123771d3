"""Write docs/laws.md from the laws themselves: python docs/make_laws.py"""

from pathlib import Path

from conformance.cli.catalogue import rows

HEAD = "# The laws\n\nMade by `python docs/make_laws.py`.\n\n| law | what must hold | of |\n|---|---|---|\n"


def text() -> str:
    """The table of laws, in the order in which they are registered."""
    lines = (
        f"| `{row['name']}` | {row['summary']} | {', '.join(row['transforms'])} |\n"
        for row in rows("laws")
    )
    return HEAD + "".join(lines)


if __name__ == "__main__":
    Path(__file__).with_name("laws.md").write_text(text(), encoding="utf-8")
