"""The packages of others, built on JAX, that the user's sources import, as they are installed here.

They are found by what is installed beside the running Python. Nothing is imported.
"""

import ast
import importlib.metadata
import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from conformance.events.user_code import Import, Package
from conformance.upgrade.sources.files import python_files

BUILT_ON = frozenset({"jax", "jaxlib", "flax"})
_NOT_OF_OTHERS = BUILT_ON | {"vmap-conformance"}
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
        for module, line in _imported(path):
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
        requires = list(_requirements(distribution))
        if not BUILT_ON & {each.name for each in requires} or _is_editable(distribution):
            continue
        waiting += [each.name for each in requires if _applies(each)]
        tops = [top for top in imports if name in of_module[top]]
        packages[name] = Package(
            name=name,
            version=distribution.version,
            requires=[str(r) for r in requires if r.name in BUILT_ON and _applies(r)],
            imports=[each for top in tops for each in imports[top]],
        )
    return list(packages.values())


def _distributions(modules: Collection[str]) -> dict[str, set[str]]:
    """By module, the distributions that have it: Python 3.10 finds those with a `top_level.txt` alone."""
    found: dict[str, set[str]] = {module: set() for module in modules}
    for distribution in importlib.metadata.distributions() if modules else ():
        record = "\n" + (distribution.read_text("RECORD") or "")
        for module, names in found.items():
            if f"\n{module}/" in record or f"\n{module}.py," in record:
                names.add(canonicalize_name(distribution.metadata["Name"]))
    return found


def _imported(path: Path) -> Iterator[tuple[str, int]]:
    """Modules that a file imports by their whole names, and lines, where it does not catch what fails."""
    try:
        waiting: list[ast.AST] = [ast.parse(path.read_bytes())]
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno
        provided = isinstance(node, ast.Try) and node.handlers
        of_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if not provided and not of_types:
            waiting += ast.iter_child_nodes(node)


def _requirements(distribution: importlib.metadata.Distribution) -> Iterator[Requirement]:
    for text in distribution.requires or ():
        try:
            yield Requirement(text)
        except InvalidRequirement:
            continue


def _applies(requirement: Requirement) -> bool:
    """Whether it is required here without any extra."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _is_editable(distribution: importlib.metadata.Distribution) -> bool:
    """Whether it is installed from a directory that is worked on: it is the user's own."""
    try:
        said = json.loads(distribution.read_text("direct_url.json") or "{}")
    except ValueError:
        return False
    return bool(said.get("dir_info", {}).get("editable"))


def entries_of(packages: Sequence[Package]) -> dict[str, str]:
    """The files and directories that have to be on the path for packages to be imported.

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
