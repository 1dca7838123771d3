"""Write what is generated: `python docs/make_pages.py`; with `--check`, fail where it is stale."""

import json
import sys
from pathlib import Path

import atlas
import commands
import reference_pages

from conformance.cli.catalogue import rows
from conformance.events import schema
from conformance.reporting import document

HEAD = "# The laws\n\nMade by `python docs/make_pages.py`.\n\n| law | what must hold | of |\n|---|---|---|\n"

MANY = 6
BREAKING = """
## What breaks each law

Transforms that are wrong on purpose, and that the law notices. All are in [the kill matrix](kill-matrix.md).

"""


def laws() -> str:
    """The table of laws, in the order in which they are registered, and what breaks each."""
    lines = (
        f"| `{row['name']}` | {row['summary']} | {', '.join(row['transforms'])} |\n"
        for row in rows("laws")
    )
    return HEAD + "".join(lines) + breaking()


def breaking() -> str:
    """For each law the mutants that it kills, as the kill matrix has them."""
    from properties.mutants import MUTANTS

    kills: dict[str, dict[str, None]] = {row["name"]: {} for row in rows("laws")}
    heads: list[str] = []
    matrix = Path(__file__).with_name("kill-matrix.md").read_text(encoding="utf-8")
    for line in matrix.splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip("|").split(" | ")]
        if line.startswith("| mutant |"):
            heads = [cell.strip("| `") for cell in cells]
        elif line.startswith("|") and heads and cells[0].strip("| ") in MUTANTS:
            for law, cell in zip(heads[1:], cells[1:], strict=True):
                if cell.strip("| ") != "-":
                    kills.setdefault(law, {})[cells[0].strip("| ")] = None
    parts = [BREAKING]
    for law, names in kills.items():
        parts.append(f"### `{law}`\n\n")
        parts += [f"- {MUTANTS[name].sentence} (`{name}`)\n" for name in list(names)[:MANY]]
        parts.append(f"- and {len(names) - MANY} more\n" if len(names) > MANY else "")
        parts.append("\n")
    return "".join(parts).rstrip("\n") + "\n"


def pages() -> dict[Path, str]:
    """The text of every generated file."""
    return {
        Path(__file__).with_name("laws.md"): laws(),
        Path(__file__).with_name("defects.md"): atlas.page(),
        **atlas.badges(),
        Path(__file__).with_name("commands.md"): commands.page(),
        Path(__file__).with_name("python-api.md"): reference_pages.api(),
        Path(__file__).with_name("event-log.md"): reference_pages.event_log(),
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
        path.parent.mkdir(exist_ok=True)
        path.write_text(made[path], encoding="utf-8")


if __name__ == "__main__":
    main()
