"""Recording one fact: what fails or is lacking becomes that fact, and the others go on."""

import importlib
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Observation = tuple[str, Any]

# What differs between two runs of one release and says nothing about it.
_PLACES = (
    (re.compile(r"0x[0-9a-f]{6,}"), "0x..."),
    (re.compile(r"\d{12,}"), "..."),
    (re.compile(r"(?<![\w:/])(/[\w.+-]+)+/([\w.-]+)"), r"\2"),
)

# A set of words is written in an order that differs from one process to the next, as is a tuple of one.
_SET = re.compile(r"([{(])('[^'{}()]*'(?:, '[^'{}()]*')+)([})])")


class Absent(Exception):
    """The installed release has not got what a case needs; `name` is what, where it has one.

    Where another package is missing that a module of the release imports, `other_package` is true.
    """

    def __init__(
        self, reason: str, name: str | None = None, *, other_package: bool = False
    ) -> None:
        super().__init__(reason)
        self.name = name
        self.other_package = other_package


def one(key: str, function: Callable[[], Any]) -> Iterator[Observation]:
    """The key with what `function` gives, or with why it gives nothing."""
    yield from many(key, lambda: {"": function()})


def many(key: str, function: Callable[[], Mapping[str, Any]]) -> Iterator[Observation]:
    """What `function` gives by name, each under `key/name`; where it fails, one under `key`.

    An empty name stands for `key` itself.
    """
    try:
        with warnings.catch_warnings():
            # Warnings are facts of a group of their own; elsewhere, none may end a case.
            warnings.simplefilter("ignore")
            facts = function()
    except Absent as absent:
        facts = {"": {"absent": str(absent)} | ({"name": absent.name} if absent.name else {})}
    except Exception as error:
        facts = {"": {"error": described(error)}}
    for name, value in facts.items():
        yield (f"{key}/{name}" if name else key), value


def needed(name: str) -> Any:
    """The object that a dotted public name stands for. Raises `Absent` where the release lacks it."""
    first, *rest = name.split(".")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found, path = importlib.import_module(first), first
            for part in rest:
                path = f"{path}.{part}"
                found = _attribute(found, part, path)
        except (AttributeError, ImportError) as error:
            missing = (error.name or first) if isinstance(error, ModuleNotFoundError) else first
            other = missing.split(".")[0] != first
            raise Absent(first_line(error), name, other_package=other) from None
    return found


def _attribute(parent: Any, part: str, path: str) -> Any:
    try:
        return getattr(parent, part)
    except AttributeError:
        if path.startswith("jax.config.") and part in parent.values:
            return parent.values[part]  # `jax.config.update` takes it, as it takes others
        if not hasattr(parent, "__path__"):
            raise
        # A module that nobody has imported yet. The attribute's error says more than the import's.
        try:
            return importlib.import_module(path)
        except ModuleNotFoundError as missing:
            if missing.name == path:
                return getattr(parent, part)
            raise


def described(error: BaseException) -> dict[str, str]:
    """An exception's type and first line, without addresses and directories."""
    return {"type": type(error).__name__, "line": first_line(error)}


def first_line(error: BaseException | str) -> str:
    """The first line of a message, without addresses and directories, sets of words in order."""
    lines = str(error).strip().splitlines() or [""]
    line = lines[0].strip()
    for pattern, instead in _PLACES:
        line = pattern.sub(instead, line)
    return _SET.sub(
        lambda found: found[1] + ", ".join(sorted(found[2].split(", "))) + found[3], line
    )
