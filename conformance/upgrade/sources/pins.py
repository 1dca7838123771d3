"""What the user's project says that it requires of JAX and Flax, which pip keeps to when it installs it."""

import ast
import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from conformance.events.user_code import Pin
from conformance.runner.environment_info import LIBRARIES
from conformance.upgrade.sources.expressions import last
from conformance.upgrade.sources.files import shown

_ROOTS = ("pyproject.toml", "setup.py", "setup.cfg")
_UP = 3
"""So far up: what lies further up is not the project's for certain."""
_OF_OLD = re.compile(
    r"(?:^|[-_. /])(?:min|minimal|minimum|old|oldest|lowest|legacy|compat)(?:$|[-_. /])"
)
"""Names of what is there to try old releases, which an upgrade leaves as it is."""
_TABLE = re.compile(r"\[+\s*([^\[\]]+?)\s*\]+\s*(?:#.*)?$")
_KEY = re.compile(r"""["']?([\w.-]+)["']?\s*=(?!=)""")
_QUOTED = re.compile(r'"([^"\n]*)"|\'([^\'\n]*)\'')
_COMMENT = re.compile(r"(?:^|\s)#.*")
_OF_SETUP = frozenset({"install_requires", "extras_require"})


def pins_of(places: Sequence[Path]) -> list[Pin]:
    """The requirements of JAX and Flax in the files of the projects that these sources belong to.

    Args:
        places: Directories and files of the user's.

    """
    roots = dict.fromkeys(root for place in places if (root := _root(place)) is not None)
    return [pin for root in roots for pin in _in_project(root)]


def _root(place: Path) -> Path | None:
    """The nearest directory around a place that a project is installed from."""
    place = place.resolve()
    for around in (place, *place.parents[:_UP]):
        if any((around / name).is_file() for name in _ROOTS) or any(_listed(around)):
            return around
        if (around / ".git").exists():
            break
    return None


def _listed(root: Path) -> Iterator[Path]:
    """The files of requirements, but for those that are there to try old releases."""
    if root.is_dir():
        for pattern in ("requirements*.txt", "requirements/*.txt"):
            yield from (p for p in sorted(root.glob(pattern)) if not _OF_OLD.search(p.stem))


def _in_project(root: Path) -> Iterator[Pin]:
    readers = {
        "pyproject.toml": _in_pyproject,
        "setup.cfg": _in_configuration,
        "setup.py": _in_setup,
    }
    files = [(root / name, read) for name, read in readers.items()]
    for path, read in (*files, *((path, _in_list) for path in _listed(root))):
        # What cannot be read says nothing.
        with contextlib.suppress(OSError, UnicodeDecodeError, SyntaxError, ValueError):
            text = path.read_text(encoding="utf-8")
            for line, said in read(text):
                if (requirement := _of_libraries(said)) is not None:
                    yield Pin(file=shown(path), line=line, requirement=str(requirement))


def _of_libraries(text: str) -> Requirement | None:
    """A requirement of JAX or Flax that says which releases; None for anything else."""
    try:
        requirement = Requirement(text.strip())
    except InvalidRequirement:
        return None
    name = canonicalize_name(requirement.name)
    return requirement if name in LIBRARIES and requirement.specifier else None


def _in_list(text: str) -> Iterator[tuple[int, str]]:
    """What a file of requirements lists, without options such as hashes."""
    for number, line in enumerate(text.splitlines(), 1):
        yield number, _COMMENT.sub("", line).split(" --")[0].strip().removesuffix("\\")


def _in_pyproject(text: str) -> Iterator[tuple[int, str]]:
    """The strings of the tables that say what the project requires, and what Poetry asks for.

    Read by lines: tomllib says no lines, and Python 3.10 has none.
    """
    table = key = ""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("#"):
            continue
        if found := _TABLE.match(line):
            table, key = found[1], ""
            continue
        if found := _KEY.match(stripped):
            key = found[1]
        if table.startswith("tool.poetry.") and table.endswith("dependencies"):
            yield number, "" if _OF_OLD.search(table) else _of_poetry(key, stripped)
        elif _is_required(table, key):
            quoted = _QUOTED.finditer(_COMMENT.sub("", line))
            yield from ((number, each[1] or each[2] or "") for each in quoted)


def _is_required(table: str, key: str) -> bool:
    if table == "project":
        return key == "dependencies"
    if table == "tool.uv":
        return key in {"constraint-dependencies", "override-dependencies"}
    of_groups = table in {"project.optional-dependencies", "dependency-groups"}
    return of_groups and not _OF_OLD.search(key)


def _of_poetry(name: str, line: str) -> str:
    """A requirement as pip writes it: Poetry's `^0.4.30` is `>=0.4.30,<0.5`."""
    _, _, value = line.partition("=")
    quoted = _QUOTED.search(value.partition("version")[2] or value)
    version = (quoted[1] or quoted[2] or "") if quoted else ""
    parts = version[1:].split(".")
    if version[:1] == "^" and all(map(str.isdecimal, parts)):
        # The first number that is not 0 stays.
        kept = next((n for n, part in enumerate(parts) if part != "0"), len(parts) - 1) + 1
        upper = ".".join([*parts[: kept - 1], str(int(parts[kept - 1]) + 1)])
        return f"{name}>={version[1:]},<{upper}"
    if version[:1].isdecimal():
        return f"{name}=={version}"
    return f"{name}{version}"


def _in_configuration(text: str) -> Iterator[tuple[int, str]]:
    """What `install_requires` and the extras of a setup.cfg list."""
    table = key = ""
    for number, line in enumerate(text.splitlines(), 1):
        if found := _TABLE.match(line):
            table, key = found[1], ""
            continue
        said = line.strip()
        if not line[:1].isspace() and (found := _KEY.match(line)):
            key, said = found[1], line.partition("=")[2].strip()
        of_extras = table == "options.extras_require" and not _OF_OLD.search(key)
        if of_extras or (table == "options" and key == "install_requires"):
            yield number, _COMMENT.sub("", said)


def _in_setup(text: str) -> Iterator[tuple[int, str]]:
    """The strings that a setup.py gives to `setup` as what it requires."""
    tree = ast.parse(text)
    named = {
        last(target): node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or last(node.func) != "setup":
            continue
        for word in node.keywords:
            if word.arg in _OF_SETUP:
                yield from _texts(named.get(last(word.value), word.value), named)


def _texts(node: ast.AST, named: Mapping[str, ast.expr]) -> Iterator[tuple[int, str]]:
    """The strings of an expression. Of one that is put together of others, the whole, where it is known."""
    if isinstance(node, ast.expr) and (text := _text(node, named)) is not None:
        yield node.lineno, text
    elif not isinstance(node, ast.JoinedStr):
        for inner in ast.iter_child_nodes(node):
            # A part of a string is no requirement.
            of_a_part = isinstance(node, ast.BinOp | ast.Attribute)
            if not (of_a_part and isinstance(inner, ast.Constant)):
                yield from _texts(inner, named)


def _text(node: ast.AST, named: Mapping[str, ast.expr]) -> str | None:
    """The string that an expression gives, of constants that the file names; None where it is not known."""
    match node:
        case ast.Constant(str() as value):
            return value
        case ast.Name(name) if isinstance(named.get(name), ast.Constant):
            return _text(named[name], {})
        case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
            return _text(value, named)
        case ast.JoinedStr(values=parts):
            return _joined(parts, named)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _joined([left, right], named)
        case ast.BinOp(left=left, op=ast.Mod(), right=right):
            values = right.elts if isinstance(right, ast.Tuple) else [right]
            return _filled(left, values, str.__mod__, named)
        case ast.Call(func=ast.Attribute(value=left, attr="format"), args=values, keywords=[]):
            return _filled(left, values, lambda text, given: text.format(*given), named)
    return None


def _filled(
    template: ast.expr,
    values: Sequence[ast.expr],
    fill: Callable[[str, tuple[str, ...]], str],
    named: Mapping[str, ast.expr],
) -> str | None:
    """A template with its values in place; None where one is not known, or it takes others."""
    text, given = _text(template, named), [_text(value, named) for value in values]
    known = tuple(value for value in given if value is not None)
    if text is None or len(known) < len(given):
        return None
    try:
        return fill(text, known)
    except (TypeError, ValueError, LookupError, AttributeError):
        return None


def _joined(parts: Sequence[ast.expr], named: Mapping[str, ast.expr]) -> str | None:
    texts = [_text(part, named) for part in parts]
    return None if None in texts else "".join(text for text in texts if text is not None)
