"""Write what is generated: `python docs/make_pages.py`; with `--check`, fail where it is stale."""

import json
import sys
from pathlib import Path

from conformance.cli.catalogue import rows
from conformance.events import schema
from conformance.reporting import document

HEAD = "# The laws\n\nMade by `python docs/make_pages.py`.\n\n| law | what must hold | of |\n|---|---|---|\n"


def laws() -> str:
    """The table of laws, in the order in which they are registered."""
    lines = (
        f"| `{row['name']}` | {row['summary']} | {', '.join(row['transforms'])} |\n"
        for row in rows("laws")
    )
    return HEAD + "".join(lines)


def pages() -> dict[Path, str]:
    """The text of every generated file."""
    return {
        Path(__file__).with_name("laws.md"): laws(),
        schema.PATH: schema.text(),
        document.PATH: json.dumps(document.schema(), indent=2) + "\n",
    }


def main() -> None:
    """Write the pages, or say which are stale and end with status 1."""
    made = pages()
    stale = [
        path
        for path, text in made.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in sys.argv[1:]:
        words = [f"{path} is stale: run `python docs/make_pages.py`" for path in stale]
        sys.exit("\n".join(words) or None)
    for path in stale:
        path.write_text(made[path], encoding="utf-8")


if __name__ == "__main__":
    main()
