"""What a candidate was seen to do: calls to `flax.linen.vmap`, and parameters that `init` returned.

This is noted in the candidate's own process, which can forge it. The judge lets it count against a
candidate and never for one.
"""

from __future__ import annotations

import functools
from typing import Any

MAX_NOTES = 20
"""Notes kept for each call."""

_vmaps: list[dict[str, Any]] = []
_inits: list[dict[str, list[int]]] = []


def install() -> None:
    """Put the notes in place, before the candidate is loaded."""
    import flax.linen

    lift, start = flax.linen.vmap, flax.linen.Module.init_with_output

    @functools.wraps(lift)
    def vmap(*args: Any, **kwargs: Any) -> Any:
        if len(_vmaps) < MAX_NOTES:
            _vmaps.append({"target": _name(args), **{k: _text(v) for k, v in kwargs.items()}})
        return lift(*args, **kwargs)

    @functools.wraps(start)
    def init_with_output(*args: Any, **kwargs: Any) -> Any:
        result = start(*args, **kwargs)
        if len(_inits) < MAX_NOTES:
            _inits.append(_shapes(result[1]))
        return result

    for place in (flax.linen, flax.linen.transforms):
        setattr(place, "vmap", vmap)  # noqa: B010 (a patch, not an attribute of ours)
    setattr(flax.linen.Module, "init_with_output", init_with_output)  # noqa: B010 (init calls it)


def take() -> dict[str, Any]:
    """The notes since the last time. Lifts made while the file loaded serve every call."""
    notes = {"vmaps": list(_vmaps), "inits": list(_inits)}
    del _vmaps[_at_load:]
    _inits.clear()
    return notes


_at_load = 0


def loaded() -> None:
    """The file is loaded: what was noted so far belongs to all the calls."""
    global _at_load
    _at_load = len(_vmaps)


def _name(args: tuple[Any, ...]) -> str:
    return getattr(args[0], "__name__", type(args[0]).__name__)[:80] if args else ""


def _text(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _text(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_text(item) for item in value]
    return value if isinstance(value, (int, bool, str)) or value is None else repr(value)[:80]


def _shapes(variables: Any) -> dict[str, list[int]]:
    import jax

    leaves = jax.tree_util.tree_flatten_with_path(variables)[0]
    return {
        "/".join(str(getattr(part, "key", part)) for part in path): list(leaf.shape)
        for path, leaf in leaves[:MAX_NOTES]
        if hasattr(leaf, "shape")
    }
