"""The cost of one (shape, axes) combination: this suite's way against the plain way, in one run.

    python benchmarks/combinations.py [--profile ci] [--subject matmul ...]

The plain way states the same law with Hypothesis as one would at first: sizes drawn freely, one
combination of axes per example, the transform called eagerly, the reference an eager Python loop.
Both draw from the same subjects, in turn, in one process; the figure is the ratio of CPU seconds per
combination, compilations included, nothing warmed.
"""

import argparse
import time

import attrs
import hypothesis
import jax
import numpy as np
from hypothesis import strategies as st

from conformance.runner import process_env

process_env.prepare(process_env.environment(cache=False))

from conformance.transforms import TRANSFORMS  # noqa: E402
from properties import batch_axes  # noqa: E402
from properties.call import FunctionCall  # noqa: E402
from properties.laws import LAWS  # noqa: E402
from properties.profile import PROFILES  # noqa: E402
from properties.run_law import run_law  # noqa: E402
from properties.subject import FunctionSubject, dims  # noqa: E402
from properties.subjects import FUNCTIONS  # noqa: E402
from reference.loop import per_example  # noqa: E402

LAW = LAWS["mapping.equals-per-example"]
PLAIN_EXAMPLES = 12


def ours(subject: FunctionSubject, profile: str) -> tuple[float, int]:
    """CPU seconds and combinations of `run_law`."""
    began = time.process_time()
    result = run_law(LAW, TRANSFORMS["jax.vmap"], subject, PROFILES[profile])
    assert result.violation is None
    return time.process_time() - began, result.combinations


def plain(subject: FunctionSubject) -> tuple[float, int]:
    """CPU seconds and combinations of the same law, written the plain way."""
    every = batch_axes.combinations(subject, batch_axes.anywhere, batch_axes.anywhere, "any")

    @hypothesis.seed(0)
    @hypothesis.settings(
        max_examples=PLAIN_EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(
        st.fixed_dictionaries(dict.fromkeys(("batch", *dims(subject)), st.integers(1, 12))),
        st.sampled_from(every),
        st.sampled_from(subject.dtypes),
        st.integers(0, 2**31 - 1),
    )
    def law(sizes: dict[str, int], axes: object, dtype: str, seed: int) -> None:
        call = FunctionCall(subject.name, sizes, (axes,), dtype, seed)
        arguments = call.arguments(axes)
        got = jax.vmap(subject.function, axes.in_axes, axes.out_axes)(*arguments)
        right = per_example(subject.function, axes.in_axes, axes.out_axes)(*arguments)
        jax.tree_util.tree_map(
            lambda g, r: np.testing.assert_allclose(g, r, 1e-4, 1e-5), got, right
        )

    began = time.process_time()
    law()
    return time.process_time() - began, PLAIN_EXAMPLES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--profile", choices=list(PROFILES), default="ci")
    parser.add_argument("--subject", action="append", choices=[s.name for s in FUNCTIONS])
    chosen = parser.parse_args()
    names = chosen.subject or [s.name for s in FUNCTIONS]
    totals = np.zeros(4)
    print(f"jax {jax.__version__}, profile {chosen.profile}, CPU ms per combination")
    print(f"{'subject':14} {'ours':>8} {'plain':>8} {'ratio':>7}")
    # Imports and the first use of everything are nobody's cost.
    run_law(LAW, TRANSFORMS["jax.vmap"], FUNCTIONS[0], attrs.evolve(PROFILES["quick"], seed=99))
    for subject in FUNCTIONS:
        if subject.name in names:
            row = (*ours(subject, chosen.profile), *plain(subject))
            totals += row
            _line(subject.name, row)
    _line("all", totals)


def _line(name: str, row: object) -> None:
    seconds, combinations, plain_seconds, plain_combinations = row
    a, b = 1e3 * seconds / combinations, 1e3 * plain_seconds / plain_combinations
    print(f"{name:14} {a:8.1f} {b:8.1f} {b / a:6.1f}x")


if __name__ == "__main__":
    main()
