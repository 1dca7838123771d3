"""Compare `jax.vmap` of sound functions with the oracle on many values, compiled once for all of them.

    python scripts/many_values.py --seeds 0:20 --log values.jsonl [--subjects 'research:*']

The values, and the gradients in reverse and forward mode, of the functions and NNX modules that
`false_alarms.py` knows: where the two differ, the oracle's bound is too narrow. It takes a small part of
the time that all laws take. A line of JSON for each subject and derivative: how many seeds agree, how many
the oracle leaves undecided, how wide its bound is next to the largest value, and the first mismatch.
"""

import argparse
import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import false_alarms

BATCH = 4


def main() -> int:
    """Run what the options say; 1 where something differs."""
    options = _options()
    from conformance.runner import process_env

    process_env.prepare()
    import jax

    done = set()
    if options.log.exists():
        lines = map(json.loads, options.log.read_text(encoding="utf-8").splitlines())
        done = {(line["subject"], line["of"]) for line in lines}
    wrong = 0
    with options.log.open("a", encoding="utf-8") as log:
        names = [name for name in false_alarms.names() if false_alarms.wanted(name, options)]
        for name, of in itertools.product(names, options.of):
            if (name, of) in done:
                continue
            start = time.process_time()
            try:
                line = _compared(name, of, options.seeds)
            except Exception as error:
                line = {"raised": repr(error)[:2000]}
            wrong += "mismatch" in line or "raised" in line
            line = {"subject": name, "of": of, **line}
            line["cpu"] = round(time.process_time() - start, 1)
            log.write(json.dumps(line) + "\n")
            log.flush()
            jax.clear_caches()
    return int(wrong > 0)


def _compared(name: str, of: str, seeds: list[int]) -> dict[str, Any]:
    import jax
    import numpy as np

    from conformance.user_subjects import subjects
    from properties import oracle
    from properties.call import Axes, FunctionCall
    from properties.compare import Mismatch, assert_agrees
    from properties.laws.gradients import of_maps
    from properties.oracle import estimated
    from properties.sizes import sizes
    from properties.subject import FunctionSubject
    from reference.error_bounds.bounded_array import BranchUndecidable

    subject = false_alarms.subject_named(name)
    if not isinstance(subject, FunctionSubject):
        return {"skipped": "no function"}
    axes = Axes((0,) * len(subject.arguments), 0)
    chosen = {**sizes(subject, "distinct", 0), "batch": BATCH}
    counts: dict[str, Any] = {"agree": 0, "undecided": 0, "widest": 0.0}
    with subjects.registered(subject), estimated.judges() as judges:
        call = FunctionCall(subject.name, chosen, (axes,), "float32")
        function, right = {
            "values": (lambda: subject.function, oracle.of_function),
            "gradients": (lambda: of_maps.gradient_of(call), of_maps.expected_gradients),
            "forward": (lambda: of_maps.forward_of(call), of_maps.expected_forward),
        }[of]
        if of != "values":
            derivative = of_maps.gradient_of if of == "gradients" else of_maps.forward_of
            refused = of_maps._undifferentiable(subject, derivative)  # noqa: SLF001 (the law's own reason)
            if refused:
                return {"skipped": refused}
        mapped = jax.jit(jax.vmap(function()))
        for seed in seeds:
            one = FunctionCall(subject.name, chosen, (axes,), "float32", seed * 7919 + 1)
            try:
                expected = right(one)
            except BranchUndecidable:
                counts["undecided"] += 1
                continue
            pairs = zip(
                *map(jax.tree_util.tree_leaves, (expected.value, expected.bound)), strict=True
            )
            for value, bound in pairs:
                if np.size(bound) and np.any(bound):
                    finite = np.abs(value[np.isfinite(value)])
                    share = np.median(bound) / max(np.max(finite, initial=0.0), 1e-30)
                    counts["widest"] = max(counts["widest"], float(f"{share:.1e}"))
            try:
                assert_agrees(mapped(*one.arguments(axes)), expected)
                counts["agree"] += 1
            except Mismatch as found:
                counts.setdefault("seeds", []).append(seed)
                allowed = found.allowed, found.max_error
                counts.setdefault("mismatch", f"{found.message}; allowed, error: {allowed}")
        return {**counts, "oracle": " and ".join(sorted(judges))}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--of", nargs="*", default=["values", "gradients", "forward"])
    false_alarms.add_selection(parser)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
