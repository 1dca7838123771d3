"""A notebook's cells, run one after another as Jupyter runs them."""

from __future__ import annotations
import __future__

import ast
import asyncio
import inspect
import types
from collections.abc import Sequence
from typing import Any

from . import absent

MAX_FAILED = 20
"""Exceptions of cells that are kept."""
_FUTURE = 0
for _name in __future__.all_feature_names:
    _FUTURE |= getattr(__future__, _name).compiler_flag


def run(
    text: str, starts: Sequence[int], file: str, namespace: dict[str, Any], packages: set[str]
) -> list[BaseException]:
    """Run every cell, also after one that has raised: what each raised.

    nbgrader does so, too (`allow_errors` in its `preprocessors/execute.py`): a last cell that asks for
    input, or shows an error on purpose, says nothing of the functions in the others.

    Args:
        text: the source, all cells one after another.
        starts: the lines on which cells begin, from 0.
        file: what the source is called.
        namespace: the module's globals.
        packages: gets what each cell imports at its top before it is run.

    """
    lines, failed, flags = text.split("\n"), list[BaseException](), 0
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        source = "\n" * start + "\n".join(lines[start:end]) + "\n"
        try:
            packages |= absent.imported_at_top(ast.parse(source, file))
            code = compile(
                source, file, "exec", flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
            )
            flags |= code.co_flags & _FUTURE  # it holds for the cells after it, too
            _run(code, namespace)
        except BaseException as problem:
            failed.append(problem)
    return failed[:MAX_FAILED]


def _run(code: types.CodeType, namespace: dict[str, Any]) -> None:
    started = types.FunctionType(code, namespace)()
    if code.co_flags & inspect.CO_COROUTINE:
        asyncio.run(started)
