"""A slip that is written into the source of a function of Flax, and whether a use of a lift notices it."""

import importlib
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

import jax
import pytest

from conformance.transforms import TRANSFORMS
from properties.call import Axes, ModuleCall
from properties.law import violation
from properties.laws import LAWS
from properties.subjects import SUBJECTS

LAW = LAWS["sharing.documented-uses"]
NNX, LINEN = "flax.nnx.vmap", "flax.linen.vmap"
Slip = tuple[str, str, str, str, str]
"""The transform and its use that must notice it; the function, and what of its source becomes what."""


def rewrite(patch: pytest.MonkeyPatch, where: str, old: str, new: str) -> None:
    """Have a function, or a method of a class, of a module of Flax be what its source is with a slip."""
    path, name = where.split(":")
    holder: Any = importlib.import_module(path)
    scope = vars(holder)
    *of, name = name.split(".")
    for each in of:
        holder = getattr(holder, each)
    whole = getattr(holder, name)
    source = textwrap.dedent(inspect.getsource(whole))
    if source.count(old) != 1:
        pytest.skip("this release of Flax has it otherwise")
    made: dict[str, Any] = {}
    exec(compile(source.replace(old, new), inspect.getfile(holder), "exec"), scope, made)
    if inspect.isfunction(whole) and not (whole.__closure__ or hasattr(whole, "__wrapped__")):
        # Where it is registered, or imported by name, it is the same function.
        patch.setattr(whole, "__code__", made[name].__code__)
        return
    patch.setattr(holder, name, made[name])
    while "." in path:
        path = path.rpartition(".")[0]
        public = importlib.import_module(path)
        if vars(public).get(name) is whole:
            patch.setattr(public, name, made[name])


def is_noticed(slip: Slip, seed: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the use notices the slip; without it, the use holds."""
    transform, name, where, old, new = slip
    host, subject = TRANSFORMS[transform], SUBJECTS[f"use.{name}"]
    if LAW.skip_reason(host, subject) is not None:
        pytest.skip(f"this release of Flax has no {name}")
    call = ModuleCall(subject.name, {"batch": 3, "m": 2}, (Axes((0,)),), {}, {}, seed=seed)
    assert violation(LAW, host, call) is None
    with monkeypatch.context() as patch:
        rewrite(patch, where, old, new)
        # Nothing is used again that was compiled without the slip.
        jax.clear_caches()
        return violation(LAW, host, call) is not None


def is_mended(
    name: str,
    mend: Callable[[pytest.MonkeyPatch], None],
    seed: int,
    monkeypatch: pytest.MonkeyPatch,
    transform: str = NNX,
) -> bool:
    """Whether a use, which a known defect affects, holds where Flax is mended, and not before."""
    host, subject = TRANSFORMS[transform], SUBJECTS[f"use.{name}"]
    if LAW.skip_reason(host, subject) is not None:
        pytest.skip(f"this release of Flax has no {name}")
    call = ModuleCall(subject.name, {"batch": 3, "m": 2}, (Axes((0,)),), {}, {}, seed=seed)
    assert violation(LAW, host, call) is not None
    with monkeypatch.context() as patch:
        mend(patch)
        jax.clear_caches()
        return violation(LAW, host, call) is None
