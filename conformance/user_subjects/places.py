"""Where in the user's own code something is."""

from __future__ import annotations

import site
import sysconfig
import traceback
from pathlib import Path

_SUITE = Path(__file__).resolve().parents[2]
_OURS = tuple(str(_SUITE / name) for name in ("conformance", "properties", "reference"))
_INSTALLED = (
    *(path for name, path in sysconfig.get_paths().items() if "lib" in name),
    *site.getsitepackages(),
)


def own_frame(error: BaseException) -> traceback.FrameSummary | None:
    """The innermost frame that is the user's; None where there is none."""
    for each in reversed(traceback.extract_tb(error.__traceback__)):
        if not each.filename.startswith(("<", *_OURS, *_INSTALLED)):
            return each
    return None


def short(file: str) -> str:
    """The file from the working directory on; one that lies elsewhere with the directory it is in."""
    path, here = Path(file), Path.cwd()
    if path.is_relative_to(here):
        return path.relative_to(here).as_posix()
    return "/".join(path.parts[-2:])
