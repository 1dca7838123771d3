"""Which files are the user's sources."""

import os
from collections.abc import Iterable
from pathlib import Path

_SKIPPED = frozenset(
    {"__pycache__", "build", "dist", "node_modules", "site-packages", "venv", "env"}
)
MOST = 5000
"""Files that are read, at most."""


def python_files(places: Iterable[Path]) -> list[tuple[Path, str]]:
    """The Python files in these directories, each with its path from here, in order.

    Hidden directories, caches, builds and virtual environments are left out.
    """
    found: dict[Path, str] = {}
    for place in places:
        if place.is_file():
            found.setdefault(place.resolve(), _shown(place))
            continue
        for root, directories, names in os.walk(place):
            directories[:] = sorted(
                name
                for name in directories
                if name not in _SKIPPED
                and not name.startswith(".")
                and not name.endswith((".egg-info", ".dist-info"))
                and not (Path(root) / name / "pyvenv.cfg").exists()
            )
            for name in sorted(names):
                if name.endswith(".py") and len(found) < MOST:
                    path = Path(root) / name
                    found.setdefault(path.resolve(), _shown(path))
    return list(found.items())


def _shown(path: Path) -> str:
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()
