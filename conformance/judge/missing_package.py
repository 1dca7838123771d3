"""An import that fails here: a package that the judge lacks, a file beside this one, or a typing error."""

from __future__ import annotations

import difflib
import importlib.metadata
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from conformance.judge.server_process import SUITE
from conformance.judge.submissions import Submission
from conformance.judge.verdict import Diagnosis


def of_missing_package(error: Mapping[str, Any], submission: Submission) -> Diagnosis | None:
    """What a `ModuleNotFoundError` means; None for another error.

    Args:
        error: the exception as the worker described it.
        submission: the candidate's file, and what it may import.

    """
    if error.get("type") != "ModuleNotFoundError" or not error.get("missing"):
        return None
    module = str(error["missing"])
    package = module.partition(".")[0]
    if package != module and package in available() - set(SUITE):
        return None  # the package is there, and has no such module: the file's own mistake
    loaded = {place for place, _ in submission.modules}
    if package != module and any(package in place.split("/")[:-1] for place in loaded):
        return None  # so is a package of the student's own
    if lies_beside(package, submission):
        return Diagnosis(
            "imports-another-file",
            f"The file imports `{package}`, which lies beside it, but is not loaded with it.",
            "Put everything that the functions need into one file, or name the directory: "
            "`check DIRECTORY --students path`. Notebooks and symbolic links are not imported.",
        )
    if package in SUITE:
        return Diagnosis(
            "imports-the-suite",
            f"The file imports `{package}`, a part of the judge, which no candidate can see.",
            "Leave that import out.",
        )
    near = difflib.get_close_matches(package, available() - {package}, n=1, cutoff=0.8)
    if near:
        return Diagnosis(
            "misspelt-import",
            f"There is no package `{package}`; there is one called `{near[0]}`.",
            f"Import `{near[0]}`.",
        )
    return Diagnosis(
        "package-not-installed",
        f"The package `{package}` is not installed where the files are judged. "
        "That need not be a mistake in this file.",
        "Whoever runs the judge can add it to its environment: "
        f"`python -m pip install {_INSTALLED_AS.get(package, package)}`.",
    )


def lies_beside(package: str, submission: Submission) -> bool:
    """Whether a file or directory beside the candidate's goes by the name of a package."""
    beside = submission.path.parent
    return any((beside / name).exists() for name in (f"{package}.py", f"{package}.ipynb", package))


_INSTALLED_AS = {
    "Crypto": "pycryptodome",
    "IPython": "ipython",
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "haiku": "dm-haiku",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "tree": "dm-tree",
    "umap": "umap-learn",
    "yaml": "pyyaml",
}
"""What pip calls a package that is imported by another name; PyPI's `sklearn` fails by design."""


@lru_cache(maxsize=1)
def available() -> frozenset[str]:
    """The names of the packages and standard modules that can be imported here."""
    installed = importlib.metadata.packages_distributions() if _HAS_NAMES else {}
    return frozenset(installed) | sys.stdlib_module_names


_HAS_NAMES = hasattr(importlib.metadata, "packages_distributions")
