"""What a candidate imports of its student's other files: its directory comes first, as in a script."""

from __future__ import annotations

import builtins
import contextlib
import importlib
import os
import sys
import types
from collections.abc import Iterable, Sequence
from typing import Any

OURS = "sandbox"
"""Our own name in `sys.modules`, which a student's file may have, too."""
_hidden: set[str] = set()
"""The judge's own packages, less those whose name a file of the student's has."""


def hide(names: Iterable[str]) -> None:
    """Have these packages not be there, at any level, unless the student has files of that name.

    What keeps their files from being read would else show: as an error of permissions at one level, as
    a package without modules at another.

    Args:
        names: of the judge's own packages.

    """
    _hidden.update(names)

    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if hides(name.partition(".")[0]):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    sys.meta_path.insert(0, types.SimpleNamespace(find_spec=find_spec))


def hides(package: str) -> bool:
    """Whether a package is the judge's own, and not to be there."""
    return package in _hidden


def install(
    modules: Sequence[str], place: str, directory: str, candidate: types.ModuleType
) -> None:
    """Let the candidate import its student's files.

    Python looks into the candidate's directory first, then into the one that the candidate's package
    lies in, the student's, and its `src`, then where it always does. A candidate in a package, as
    `__init__.py` says, may import from `.`, too. What is loaded already keeps its name, since JAX works
    with it: a file of the student's of that name is refused when the student's own code imports it.

    Args:
        modules: where the files lie in the student's directory.
        place: where the candidate lies there.
        directory: the student's directory.
        candidate: the candidate's module, which the other files may import, too.

    """
    here = os.path.dirname(place)
    package = _package(here, (*modules, place))
    places = [here, _above(here, package), ""]
    if any(each.startswith("src/") for each in modules):
        places.append("src")
    sys.path[:0] = [os.path.join(directory, each).rstrip(os.sep) for each in dict.fromkeys(places)]
    importlib.invalidate_caches()
    roots = dict.fromkeys((f"{here}/" if here else "", ""))
    names = {_top(each, root) for root in roots for each in modules if each.startswith(root)}
    _hidden.difference_update(names)
    if OURS in names:  # no module of ours is looked up by its name any more
        for each in [each for each in sys.modules if each.partition(".")[0] == OURS]:
            del sys.modules[each]
    taken = names.intersection(sys.modules) - set(sys.builtin_module_names)
    if os.path.basename(place).endswith(".py"):
        name = os.path.basename(place).removesuffix(".py")
        sys.modules.setdefault(name, candidate)
        if package and package.partition(".")[0] not in taken:
            candidate.__package__ = package
            if name == "__init__":
                candidate.__path__ = [os.path.join(directory, here)]
                sys.modules.setdefault(package, candidate)
    if taken:
        _refuse(taken, directory + os.sep)


def loaded_by_its_package(candidate: types.ModuleType) -> types.ModuleType | None:
    """The candidate as a module of its package, where that package's `__init__.py` has imported it.

    Python runs a package before the modules in it. None where the candidate is in no package, or is
    the package, or is not imported by it; other modules of the package find the candidate then.
    """
    name = os.path.basename(str(candidate.__file__)).removesuffix(".py")
    package = candidate.__package__
    if not package or name == "__init__":
        return None
    whole = f"{package}.{name}"
    with contextlib.suppress(Exception):  # what the candidate needs of it raises again
        importlib.import_module(package)
    found = sys.modules.setdefault(whole, candidate)
    return None if found is candidate else found


def _package(here: str, modules: Sequence[str]) -> str:
    """The package that a directory of the student's is, such as "hw.parts"; "" for none."""
    names: list[str] = []
    while here and f"{here}/__init__.py" in modules:
        here, _, last = here.rpartition("/")
        names.insert(0, last)
    return ".".join(names) if all(name.isidentifier() for name in names) else ""


def _above(here: str, package: str) -> str:
    """The directory that a package lies in."""
    for _ in package.split(".") if package else ():
        here = here.rpartition("/")[0]
    return here


def _top(place: str, root: str) -> str:
    """What an import calls a file that lies below `root`, or the package that it is in."""
    return place[len(root) :].partition("/")[0].removesuffix(".py")


def _refuse(taken: set[str], directory: str) -> None:
    """Have an import of a name that is taken fail in the student's own code."""
    find = builtins.__import__

    def guarded(
        name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> Any:
        top = str(name).partition(".")[0]
        own = isinstance(globals, dict) and str(globals.get("__file__", "")).startswith(directory)
        if level == 0 and top in taken and own:
            raise ImportError(
                f"the student's own `{top}` has the name of a module that Python, JAX or another "
                "installed package has loaded"
            )
        return find(name, globals, locals, fromlist, level)

    builtins.__import__ = guarded
