"""The packages of others, built on JAX, that the user's sources import, as they are installed here.

They are found by what is installed beside the running Python. Nothing is imported.
"""

import importlib.metadata
import json
from collections.abc import Collection, Iterator, Sequence
from operator import itemgetter
from pathlib import Path

from packaging.utils import canonicalize_name

from conformance.events.user_code import Import, Package
from conformance.runner.environment_info import LIBRARIES, applies, requirements
from conformance.upgrade.sources.files import imports_in, python_files

_NOT_OF_OTHERS = frozenset({*LIBRARIES, "vmap-conformance"})
_INFORMATION = (".dist-info", ".egg-info", ".pth", "__pycache__", "..")


def packages_of(places: Sequence[Path]) -> list[Package]:
    """The packages built on JAX that Python files in these directories import, and what those require.

    Args:
        places: Directories and files of the user's.

    Returns:
        Each with the user's imports of it; one that only another package requires has none.

    """
    imports: dict[str, list[Import]] = {}
    for path, shown in python_files(places):
        for module, line, is_caught in sorted(imports_in(path), key=itemgetter(1)):
            if not is_caught:
                found = Import(file=shown, line=line, module=module)
                imports.setdefault(module.partition(".")[0], []).append(found)
    of_module = _distributions(imports.keys())
    waiting = [name for top in imports for name in of_module[top]]
    packages: dict[str, Package] = {}
    while waiting:
        name = canonicalize_name(waiting.pop(0))
        if name in packages or name in _NOT_OF_OTHERS:
            continue
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        required = list(requirements(distribution))
        of_libraries = [each for each in required if each.name in LIBRARIES]
        if not of_libraries or _is_editable(distribution):
            continue
        waiting += [each.name for each in required if applies(each)]
        tops = [top for top in imports if name in of_module[top]]
        packages[name] = Package(
            name=name,
            version=distribution.version,
            requires=[str(each) for each in of_libraries if applies(each)],
            imports=[
                each for top in tops for each in _of_modules(imports[top], _record(distribution))
            ],
        )
    return list(packages.values())


def _distributions(modules: Collection[str]) -> dict[str, set[str]]:
    """By module, the distributions that have it: Python 3.10 finds those with a `top_level.txt` alone."""
    found: dict[str, set[str]] = {module: set() for module in modules}
    for distribution in importlib.metadata.distributions() if modules else ():
        record = _record(distribution)
        for module, names in found.items():
            if _has_module(record, module):
                names.add(canonicalize_name(distribution.metadata["Name"]))
    return found


def _record(distribution: importlib.metadata.Distribution) -> str:
    return "\n" + (distribution.read_text("RECORD") or "")


def _has_module(record: str, module: str) -> bool:
    path = module.replace(".", "/")
    return f"\n{path}/" in record or f"\n{path}.py," in record


def _of_modules(imports: Sequence[Import], record: str) -> Iterator[Import]:
    """The imports without those of functions and classes; a module that is imported from another stays."""
    known = {(each.file, each.line, each.module) for each in imports}
    for each in imports:
        is_from = (each.file, each.line, each.module.rpartition(".")[0]) in known
        if not is_from or _has_module(record, each.module):
            yield each


def _is_editable(distribution: importlib.metadata.Distribution) -> bool:
    """Whether it is installed from a directory that is worked on: it is the user's own."""
    try:
        said = json.loads(distribution.read_text("direct_url.json") or "{}")
    except ValueError:
        return False
    return bool(said.get("dir_info", {}).get("editable"))


def entries_of(packages: Sequence[Package]) -> dict[str, str]:
    """The files and directories that have to be on the path for packages to be imported.

    Args:
        packages: Those that `packages_of` found.

    Returns:
        Of each path, the name of the package.

    """
    found: dict[str, str] = {}
    for package in packages:
        distribution = importlib.metadata.distribution(package.name)
        for file in distribution.files or ():
            if file.suffix == ".py" and not file.parts[0].endswith(_INFORMATION):
                found[str(distribution.locate_file(file.parts[0]))] = package.name
    return found
