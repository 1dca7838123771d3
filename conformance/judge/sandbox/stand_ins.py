"""Modules in place of packages that no answer comes from, where they are not installed."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

PACKAGES = (
    "bokeh",
    "google.colab",
    "ipywidgets",
    "kaggle_datasets",
    "kaggle_secrets",
    "matplotlib",
    "mpl_toolkits",
    "plotly",
    "pylab",
    "seaborn",
    "tensorboardX",
    "tqdm",
    "wandb",
)
"""Packages that no answer can come from: they draw, log, show how far a loop is, or are there only where
a notebook was written."""
ELSEWHERE = ("google.colab", "kaggle_datasets", "kaggle_secrets")
"""Those of them that no package index has."""
_PARENTS = {each.rpartition(".")[0] for each in PACKAGES if "." in each}


def install() -> list[str]:
    """Let the packages be imported where they are not installed, nor the student's own.

    Returns:
        A list that gets the name of each package for which a module of ours stands in.

    """
    finder = _Finder()
    sys.meta_path.append(finder)
    return finder.used


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Comes last, so that a package that is there goes first."""

    def __init__(self) -> None:
        self.used: list[str] = []

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A module without content for the packages, and for any module in one that stands in."""
        package = next((p for p in PACKAGES if name == p or name.startswith(f"{p}.")), None)
        if package is None and name not in _PARENTS:
            return None
        if package is not None and name != package and package not in self.used:
            return None
        if package is not None and package not in self.used:
            self.used.append(package)
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        """The module, of which any name can be had."""
        return _Module(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """There is nothing to run."""


class _Module(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        return _member(name)


def _member(name: str) -> Any:
    """What a name is in a module or object of ours."""
    if name.startswith("__"):
        raise AttributeError(name)
    return _SPECIAL.get(name) or _Nothing()


class _Nothing:
    """An object of which everything can be asked, and nothing comes."""

    def __getattr__(self, name: str) -> Any:
        return _member(name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _Nothing()

    def __getitem__(self, key: Any) -> Any:
        return _Nothing()

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *problem: object) -> None:
        pass


class _Progress(_Nothing):
    """A loop's progress bar: the loop itself."""

    def __init__(self, over: Any = (), *args: Any, **kwargs: Any) -> None:
        self._over = over if kwargs.get("iterable") is None else kwargs["iterable"]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._over)

    def __len__(self) -> int:
        return len(self._over)


def _trange(*bounds: Any, **kwargs: Any) -> _Progress:
    return _Progress(range(*bounds))


def _subplots(nrows: int = 1, ncols: int = 1, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
    """A figure and its axes: one, or an array of them, as matplotlib gives them."""
    axes = np.empty((nrows, ncols), dtype=object)
    for place in np.ndindex(axes.shape):
        axes[place] = _Nothing()
    if not kwargs.get("squeeze", True):
        return _Nothing(), axes
    return _Nothing(), axes.item() if axes.size == 1 else axes.squeeze()


def _several(count: int) -> Callable[..., tuple[Any, ...]]:
    return lambda *args, **kwargs: tuple(_Nothing() for _ in range(count))


_SPECIAL: dict[str, Any] = {
    "hist": _several(3),
    "plot": _several(1),
    "subplots": _subplots,
    "tqdm": _Progress,
    "tqdm_notebook": _Progress,
    "trange": _trange,
    "tnrange": _trange,
    "xlim": _several(2),
    "ylim": _several(2),
}
"""What a file unpacks, or loops over."""
