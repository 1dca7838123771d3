"""Files and functions stay small enough to be read at once."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIRECTORIES = ("reference", "properties", "conformance", "tests", "docs", "examples", "benchmarks")
MADE = ROOT / "docs" / "defects"
"""Scripts of violations, which hold all that they need."""
FILES = [
    path
    for directory in DIRECTORIES
    for path in sorted((ROOT / directory).rglob("*.py"))
    if MADE not in path.parents
]
MOST_OF_A_FILE = 400
MOST_OF_A_FUNCTION = 60
"""Lines without the docstring."""


def lines_of_functions(text: str) -> dict[str, int]:
    """The number of lines of each function, its docstring left out."""
    found: dict[str, int] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            documented = ast.get_docstring(node) is not None
            docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
            found[node.name] = (node.end_lineno or 0) - node.lineno + 1 - docstring
    return found


def test_lines_are_counted_without_the_docstring() -> None:
    text = 'def f(\n    x,\n):\n    """One.\n\n    Two.\n    """\n    return x\n'
    assert lines_of_functions(text) == {"f": 4}


def test_files_are_short() -> None:
    assert len(FILES) > 300
    lines = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert not {path: n for path, n in lines.items() if n > MOST_OF_A_FILE}


def test_functions_are_short() -> None:
    functions = {str(path): lines_of_functions(path.read_text(encoding="utf-8")) for path in FILES}
    assert not {
        (path, name): n
        for path, found in functions.items()
        for name, n in found.items()
        if n > MOST_OF_A_FUNCTION
    }
