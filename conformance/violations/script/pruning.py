"""What a script needs of the files that it holds."""

import ast
import re
from collections.abc import Iterator


def needed(code: str, elsewhere: str) -> str:
    """The code without the definitions and imports that nothing needs.

    Args:
        code: Python, of which only definitions may be left out: what calls something stays.
        elsewhere: The rest of the script; a name in it is needed.

    Returns:
        The other lines as they are; all of them where the code cannot be parsed.
    """
    try:
        statements = _with_docstrings(ast.parse(code).body)
    except SyntaxError:
        return code
    bound = [set(_bound(statement)) for statement, _ in statements]
    kept: set[int] = set()
    names = set(re.findall(r"\w+", elsewhere))
    waiting = [i for i, binds in enumerate(bound) if not binds or binds & names]
    while waiting:
        kept.update(waiting)
        for i in waiting:
            names |= _used(statements[i][0])
        waiting = [i for i, binds in enumerate(bound) if i not in kept and binds & names]
    lines = code.splitlines()
    wanted: set[int] = set()
    for i in kept:
        statement, end = statements[i]
        first = min(
            [statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))]
        )
        while first > 1 and lines[first - 2].startswith("#"):
            first -= 1
        wanted.update(range(first, end + 1))
    text = "\n".join(
        line for number, line in enumerate(lines, 1) if number in wanted or not line.strip()
    )
    return re.sub(r"\n{4,}", "\n\n\n", text).strip("\n")


def _with_docstrings(body: list[ast.stmt]) -> list[tuple[ast.stmt, int]]:
    """Each statement with its last line; a string behind one belongs to it."""
    found: list[tuple[ast.stmt, int]] = []
    for statement in body:
        end = statement.end_lineno or statement.lineno
        is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not is_text:
            found.append((statement, end))
        elif found:
            found[-1] = found[-1][0], end
    return found


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The names that a definition or an import binds; none for what may do something else."""
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            # A call may be what raises.
            if not any(isinstance(node, ast.Call) for node in ast.walk(statement)):
                yield name


def _used(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
