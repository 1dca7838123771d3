"""The candidate's file as a module: loading it, calling its functions, describing what it raises."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import inspect
import linecache
import os
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from . import absent, cells, loops, nested, observe, overdue, own_modules, stand_ins, tracebacks

OWN_FRAMES = 12
MAX_NAMES = 200


class Module(NamedTuple):
    """A candidate's module: its globals, the path of its code, and its student's directory."""

    namespace: dict[str, Any]
    file: str
    directory: str


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


Tell = Callable[[list[Any]], None]
"""Gets the student's own lines that are running when the time is over."""


def load(
    header: Mapping[str, Any], content: bytes, tell: Tell
) -> tuple[dict[str, Any], Module | None]:
    """Run the candidate's source as a module of its own.

    Args:
        header: `place`, where the file lies in its student's directory; `modules`, where the
            student's other Python files lie there; `sizes`, the bytes of each, the file's first;
            `functions`, those asked for; `notebook`, whether it was one; `cells`, the lines on which a
            notebook's cells begin, from 0; `seconds`, the time for it.
        content: the bytes of the file's Python source, then those of the others.
        tell: called where that time is over.

    Returns:
        The reply, with the `functions` that are there, what else goes by their names (`others`), where
        those that are not there are defined all the same (`nested`), and the functions that the file
        defines (`defined`), or an `error`; the packages that are not there and have a module of ours in
        their place (`stood_in`), and those that are not there at all (`absent`); what cells of a notebook
        have raised (`failed_cells`), which does not keep the cells after them from being run, as in
        Jupyter and nbgrader; and the module.

    """
    source, *others = _divided(content, header["sizes"])
    module = types.ModuleType(_name(header["modules"]))
    directory = os.getcwd()
    file = _write(header["place"], source)
    module.__file__ = file
    candidate = Module(vars(module), file, directory)
    if b"IPython" in content:
        _install_ipython()
    stood_in = stand_ins.install()
    packages: set[str] = set()
    absences = absent.install(directory, vars(module), packages)
    failed: list[BaseException] = []
    if header["notebook"]:
        vars(module).update(get_ipython=_Shell, display=lambda *args, **kwargs: None)
    try:
        for place, other in zip(header["modules"], others, strict=True):
            _write(place, other)
        if others:
            own_modules.install(header["modules"], header["place"], directory, module)
        sys.modules[module.__name__] = module
        text = source.decode("utf-8-sig", "replace")
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        with overdue.told(header["seconds"], lambda frame: tell(running(frame, candidate))):
            if header["cells"]:
                failed += cells.run(text, header["cells"], file, vars(module), packages)
            else:
                packages |= absent.imported_at_top(ast.parse(source, file))
                exec(compile(source, file, "exec", dont_inherit=True), vars(module))
    except BaseException as problem:
        return {"error": describe(problem, candidate), "stood_in": stood_in}, None
    finally:
        flush()
    observe.loaded()
    namespace = dict(vars(module))
    wanted = {name: namespace[name] for name in header["functions"] if name in namespace}
    if absences and not wanted and not failed:
        missing = ModuleNotFoundError(f"No module named {absences[0]!r}", name=absences[0])
        return {"error": describe(missing, candidate), "stood_in": stood_in}, None
    defined = [
        k
        for k, v in namespace.items()
        if callable(v) and _is_own(v, module.__name__) and k not in wanted
    ]
    reply = {
        "functions": [name for name, value in wanted.items() if callable(value)],
        "others": {n: type(v).__name__[:80] for n, v in wanted.items() if not callable(v)},
        "defined": [str(name)[:80] for name in defined[:MAX_NAMES]],
        "loops": loops.without_map(text, [name for name in wanted if callable(wanted[name])]),
        "nested": nested.places(text, [each for each in header["functions"] if each not in wanted]),
        "stood_in": stood_in,
        "absent": absences,
        "failed_cells": [describe(each, candidate) for each in failed],
    }
    return reply, candidate


def _divided(content: bytes, sizes: list[int]) -> list[bytes]:
    """The parts of `content`, one of each size."""
    parts, start = [], 0
    for size in sizes:
        parts.append(content[start : start + size])
        start += size
    return parts


def _write(place: str, source: bytes) -> str:
    """Leave a source in the working directory, for a file that reads itself, and for imports."""
    path = os.path.join(os.getcwd(), place)
    with contextlib.suppress(OSError, ValueError):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(source)
    return path


def _name(modules: Sequence[str]) -> str:
    """What the candidate's module is called: another name than the student's other files have."""
    taken = any(place.startswith("candidate") for place in modules)
    return "_candidate" if taken else "candidate"


def _is_own(value: Any, name: str) -> bool:
    """Whether the file itself made a callable, by what it says of its module, called `name`."""
    try:
        return str(getattr(value, "__module__", name)) == name
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


def describe(problem: BaseException, module: Module) -> dict[str, Any]:
    """An exception as text: its type, message, and the frames that are the student's own."""
    frames, trace = [], problem.__traceback__
    while trace is not None:
        frames += _own_line(trace.tb_frame.f_code, trace.tb_lineno, module)
        trace = trace.tb_next
    if isinstance(problem, SyntaxError):
        where = _where(problem.filename or module.file, problem.lineno or 0, module)
        frames.append([where, "", str(problem.text or "").strip()[:200]])
    try:
        message = str(problem)
    except BaseException:
        message = "(its message cannot be read)"
    message, within = tracebacks.condensed(message, lambda file: _is_of_student(file, module))
    known = [_line_of(*each, module) for each in within]  # of a callback they are nowhere else
    frames += [line for line in known if line not in frames]
    message = message.replace(module.directory + os.sep, "")
    described = {
        "type": type(problem).__name__,
        "message": message[:2000],
        "frames": _not_too_many(frames),
    }
    if isinstance(problem, ModuleNotFoundError):
        described["missing"] = str(problem.name)[:80]
    return described


def running(frame: types.FrameType | None, module: Module) -> list[Any]:
    """The student's own lines that are running, the innermost last."""
    frames: list[Any] = []
    while frame is not None:
        frames = _own_line(frame.f_code, frame.f_lineno, module) + frames
        frame = frame.f_back
    return _not_too_many(frames)


def _own_line(code: types.CodeType, number: int, module: Module) -> list[Any]:
    """Where a line is, its function and its text; nothing for one that is not the student's."""
    if not _is_of_student(code.co_filename, module):
        return []
    return [_line_of(code.co_filename, number, code.co_name, module)]


def _line_of(file: str, number: int, function: str, module: Module) -> list[Any]:
    return [_where(file, number, module), function, linecache.getline(file, number).strip()[:200]]


def _not_too_many(frames: list[Any]) -> list[Any]:
    return frames if len(frames) <= OWN_FRAMES else frames[:4] + frames[-4:]


def _is_of_student(file: str, module: Module) -> bool:
    return file == module.file or file.startswith(module.directory + os.sep)


def _where(file: str, line: int, module: Module) -> int | str:
    """A line of the candidate's file by its number; of another file of the student with its name."""
    if file == module.file or not _is_of_student(file, module):
        return line
    return f"line {line} of {os.path.relpath(file, module.directory)}"[:200]


def flush() -> None:
    """Let go of what the candidate has printed."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
