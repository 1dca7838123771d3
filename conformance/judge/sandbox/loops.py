"""Whether a function loops in Python where its file maps nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

_MAPS = re.compile(r"\b(?:[vp]map|shard_map|xmap|vectorize|scan|fori_loop|while_loop)\b|\.map\b")
_LOOPS = (ast.For, ast.While, ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp)


def without_map(source: str, names: Sequence[str]) -> list[str]:
    """The functions among `names` with a loop of Python's in them; none where a map is named anywhere.

    Args:
        source: the whole file.
        names: of functions.

    """
    if _MAPS.search(source):
        return []
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    own = {each.name: each for each in body if isinstance(each, ast.FunctionDef)}
    return [name for name in names if name in own and _loops(own[name])]


def _loops(function: ast.FunctionDef) -> bool:
    return any(isinstance(node, _LOOPS) for node in ast.walk(function))
