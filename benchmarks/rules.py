"""Batching rules exercised per CPU second: this suite's way against the plain way, in one run.

    python benchmarks/rules.py [--profile ci] [--every 12]

Both check the same calls of the same part of the catalogue: every combination of axes that the
profile draws. The plain way compiles each combination by itself, `jax.jit` of `jax.vmap`, and
compares it with the compiled unmapped function, example by example. The figure is the ratio of CPU
seconds, compilations included, nothing warmed.
"""

import argparse
import time
from typing import Any

import jax
import numpy as np

from conformance.runner import process_env

process_env.prepare(process_env.environment(cache=False))

from conformance.transforms import TRANSFORMS  # noqa: E402
from properties.applicability import unavailable  # noqa: E402
from properties.call import FunctionCall, with_dtypes_of  # noqa: E402
from properties.laws import LAWS  # noqa: E402
from properties.profile import PROFILES  # noqa: E402
from properties.run_law import draw, run_calls  # noqa: E402
from properties.subjects import RULES  # noqa: E402
from properties.trees import raw  # noqa: E402
from reference.loop import per_example  # noqa: E402

WHAT = LAWS["mapping.equals-per-example"], TRANSFORMS["jax.vmap"]


def ours(calls: list[FunctionCall]) -> None:
    assert run_calls(*WHAT, calls).violation is None


def plain(calls: list[FunctionCall]) -> None:
    for call in calls:
        with with_dtypes_of(call):
            one = jax.jit(call.subject.function)
            for axes in call.axes:
                arguments = call.arguments(axes)
                mapped = jax.jit(jax.vmap(call.subject.function, axes.in_axes, axes.out_axes))
                right = per_example(one, axes.in_axes, axes.out_axes)(*arguments)
                jax.tree_util.tree_map(_close, raw(mapped(*arguments)), raw(right))


def _close(got: Any, right: Any) -> None:
    kind = np.float64 if np.dtype(got.dtype).kind in "fV" else got.dtype
    np.testing.assert_allclose(np.asarray(got, kind), np.asarray(right, kind), 1e-2, 1e-2)


def seconds(way: Any, calls: list[FunctionCall]) -> float:
    jax.clear_caches()
    began = time.process_time()
    way(calls)
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--profile", choices=list(PROFILES), default="ci")
    parser.add_argument("--every", type=int, default=12, help="Take one subject of so many.")
    options = parser.parse_args()
    subjects = [each for each in RULES[:: options.every] if not unavailable(each)]
    spent = {ours: 0.0, plain: 0.0}
    combinations = 0
    for turn, subject in enumerate(subjects):
        calls = draw(*WHAT, subject, PROFILES[options.profile])
        combinations += sum(len(call.axes) for call in calls)
        for way in (ours, plain) if turn % 2 else (plain, ours):
            spent[way] += seconds(way, calls)
    print(f"{len(subjects)} rules, {combinations} combinations of axes, {options.profile}")
    for way, cpu in spent.items():
        print(f"{way.__name__}: {cpu:.1f} CPU s, {len(subjects) / cpu:.2f} rules a second")
    print(f"ratio: {spent[plain] / spent[ours]:.1f}")


if __name__ == "__main__":
    main()
