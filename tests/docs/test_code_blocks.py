"""The code blocks of the docs: Python runs or is quoted from a source, and commands parse.

A comment on the line before a block says what it is, where a reader cannot run it as it stands:
`<!-- from: FILE -->`, quoted from a file of the project; `<!-- fragment: REASON -->`, a part of the
reader's own code, which must parse.
"""

import ast
import os
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from conformance.cli.app import COMMANDS, cli

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
]
BLOCK = re.compile(
    r"^(?:<!-- (?P<kind>from|fragment): (?P<note>.*?) -->\n)?"
    r"```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
SEPARATORS = ("&&", "||", "|", ";", ">")


class Block(NamedTuple):
    """A fenced block: what the comment before it says, its language and its text."""

    kind: str | None
    note: str | None
    language: str
    code: str


def blocks(text: str, language: str) -> list[Block]:
    found = [Block(*match.groups()) for match in BLOCK.finditer(text)]
    return [block for block in found if block.language == language]


def commands(code: str) -> list[list[str]]:
    """The arguments of each `vmap-conformance` command of a shell block."""
    found: list[list[str]] = []
    for line in code.replace("\\\n", " ").splitlines():
        part: list[str] = []
        for word in [*shlex.split(line, comments=True), ";"]:
            if word in SEPARATORS:
                found += [part[1:]] if part[:1] == ["vmap-conformance"] else []
                part = []
            else:
                part.append(word)
    return found


def test_commands_are_found_in_shell_blocks() -> None:
    code = (
        "pip install x && vmap-conformance run --seed 1 # all\nvmap-conformance \\\n  list laws\n"
    )
    assert commands(code) == [["run", "--seed", "1"], ["list", "laws"]]


def options_of(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_exist_and_take_their_options(page: Path) -> None:
    for block in blocks(page.read_text(encoding="utf-8"), "sh"):
        for name, *words in commands(block.code):
            assert name in COMMANDS, f"{page.name}: there is no command {name}"
            command = cli.get_command(click.Context(cli), name)
            assert command is not None
            given = {word.split("=")[0] for word in words if re.match(r"--?[a-zA-Z]", word)}
            unknown = given - options_of(command) - {"--help"}
            assert not unknown, f"{page.name}: {name} takes no {', '.join(sorted(unknown))}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_python_runs_parses_or_is_quoted(page: Path, tmp_path: Path) -> None:
    runnable: list[str] = []
    for block in blocks(page.read_text(encoding="utf-8"), "python"):
        if block.kind == "from":
            source = (ROOT / str(block.note)).read_text(encoding="utf-8")
            quoted = textwrap.dedent(block.code).strip()
            assert quoted in textwrap.dedent(source) or textwrap.indent(quoted, "    ") in source
        else:
            ast.parse(block.code)
            runnable += [block.code] if block.kind is None else []
    if runnable:
        script = tmp_path / "page.py"
        script.write_text("\n".join(runnable), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, str(script)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_toml_blocks_parse(page: Path) -> None:
    for block in blocks(page.read_text(encoding="utf-8"), "toml"):
        assert tomllib.loads(block.code)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_to_files(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text):
        assert (page.parent / target).exists(), f"{page.name}: there is no {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(
        r"`((?:conformance|properties|reference|tests|examples|docs)/[\w/.-]+)`", text
    )
    missing = [name for name in named if "GROUP" not in name and not (ROOT / name).exists()]
    missing = [name for name in missing if not re.search(r"NAME|LIBRARY", name)]
    assert not missing, f"{page.name} names {missing}"
