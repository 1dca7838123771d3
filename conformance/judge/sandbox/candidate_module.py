"""The candidate's file as a module: loading it, calling its functions, describing what it raises."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import linecache
import os
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from . import observe

OWN_FRAMES = 12
MAX_NAMES = 200


class Module(NamedTuple):
    """A loaded candidate: its globals, and the path its code is known by."""

    namespace: dict[str, Any]
    file: str


class _Shell:
    """What a notebook calls its shell for: nothing comes of it here."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **kwargs: None


def _install_ipython() -> None:
    """Modules for a notebook's own imports where IPython is not there: they display nothing."""
    with contextlib.suppress(ImportError, ValueError):
        if importlib.util.find_spec("IPython") is not None:
            return
    names: dict[str, Any] = {"get_ipython": lambda: None, "display": _ignore}
    for name in ("Audio", "HTML", "Image", "Latex", "Markdown", "Math", "SVG", "clear_output"):
        names[name] = _ignore
    for name in ("IPython", "IPython.display"):
        module = types.ModuleType(name)
        vars(module).update(names, __path__=[])
        sys.modules[name] = module
    vars(sys.modules["IPython"])["display"] = sys.modules["IPython.display"]


def _ignore(*args: Any, **kwargs: Any) -> None:
    """What displays something, in a notebook."""


def load(header: Mapping[str, Any], source: bytes) -> tuple[dict[str, Any], Module | None]:
    """Run the candidate's source as a module of its own.

    Args:
        header: `name`, the file's; `functions`, those asked for; `notebook`, whether it was one.
        source: the bytes of the Python source.

    Returns:
        The reply, with the `functions` that are there, what else goes by their names (`others`) and
        the functions that the file defines (`defined`), or an `error`; and the module.

    """
    module = types.ModuleType("candidate")
    file = _write_source(header["name"], source)
    module.__file__ = file
    sys.modules["candidate"] = module
    if b"IPython" in source:
        _install_ipython()
    if header["notebook"]:
        vars(module).update(get_ipython=_Shell, display=lambda *args, **kwargs: None)
    try:
        text = source.decode("utf-8-sig", "replace")
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)
    except BaseException as problem:
        return {"error": describe(problem, file)}, None
    finally:
        flush()
    observe.loaded()
    namespace = dict(vars(module))
    wanted = {name: namespace[name] for name in header["functions"] if name in namespace}
    defined = [k for k, v in namespace.items() if callable(v) and _is_own(v) and k not in wanted]
    reply = {
        "functions": [name for name, value in wanted.items() if callable(value)],
        "others": {n: type(v).__name__[:80] for n, v in wanted.items() if not callable(v)},
        "defined": [str(name)[:80] for name in defined[:MAX_NAMES]],
    }
    return reply, Module(vars(module), file)


def _write_source(name: str, source: bytes) -> str:
    """Leave the source in the working directory, for a file that reads itself."""
    path = os.path.join(os.getcwd(), os.path.basename(name) or "candidate.py")
    with contextlib.suppress(OSError, ValueError), open(path, "wb") as file:
        file.write(source)
    return path


def _is_own(value: Any) -> bool:
    """Whether the file itself made a callable, by what it says of its module."""
    try:
        return str(getattr(value, "__module__", "candidate")) == "candidate"
    except BaseException:
        return False


def call(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Call with the arguments in the exercise's order; by name where the function asks for that."""
    named = _by_name(function, list(arguments))
    positional = [value for name, value in arguments.items() if name not in named]
    return function(*positional, **{name: arguments[name] for name in named})


def _by_name(function: Callable[..., Any], names: list[str]) -> list[str]:
    """The arguments that go by name: keyword-only ones, or all where their order is another."""
    if not isinstance(function, types.FunctionType) or hasattr(function, "__wrapped__"):
        return []
    parameters = inspect.signature(function).parameters
    keyword_only = [n for n in names if n in parameters and parameters[n].kind == _KEYWORD_ONLY]
    own = [name for name, each in parameters.items() if each.kind in (_KEYWORD_ONLY, _EITHER)]
    if set(names) <= set(own) and [name for name in own if name in names] != names:
        return names
    return keyword_only


_KEYWORD_ONLY, _EITHER = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD


def describe(problem: BaseException, file: str) -> dict[str, Any]:
    """An exception as text: its type, message, and the frames that are the candidate's own."""
    frames, trace = [], problem.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename == file:
            line = linecache.getline(file, trace.tb_lineno).strip()
            frames.append([trace.tb_lineno, code.co_name, line[:200]])
        trace = trace.tb_next
    if isinstance(problem, SyntaxError):
        frames.append([problem.lineno or 0, "", str(problem.text or "").strip()[:200]])
    try:
        message = str(problem)
    except BaseException:
        message = "(its message cannot be read)"
    kept = frames if len(frames) <= OWN_FRAMES else frames[:4] + frames[-4:]
    described = {"type": type(problem).__name__, "message": message[:2000], "frames": kept}
    if isinstance(problem, ModuleNotFoundError):
        described["missing"] = str(problem.name)[:80]
    return described


def flush() -> None:
    """Let go of what the candidate has printed."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
