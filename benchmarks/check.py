"""What judging costs, as ratios in one run: `python benchmarks/check.py [--many N] [--rounds R]`.

Measures in turn, so that a busy machine is busy for all of them: one call of the candidate's own
function in a fresh interpreter; `check` of that one candidate, with a cold and with a warmed
compilation cache; candidates per second, for ones whose compilations our own solution has made and
for ones that compile otherwise; and the judge's and the server's memory after each tenth of them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CANDIDATE = ROOT / "examples" / "candidates" / "shared_dense.py"
OTHERWISE = """
import jax
import jax.numpy as jnp
import flax.linen as nn


def nn_vmap_forward(seed, x_batch, features):
    layer = nn.Dense(features)
    variables = layer.init(jax.random.PRNGKey(seed), jnp.asarray(x_batch)[0])
    return jax.jit(jax.vmap(layer.apply, in_axes=(None, 0)))(variables, x_batch).reshape(-1)
"""
ONCE = """
import runpy, numpy as np
function = runpy.run_path({path!r})["nn_vmap_forward"]
print(np.asarray(function(0, np.ones((3, 2), np.float32), 4)).shape)
"""


def timed(command: list[str], cache: Path) -> float:
    variables = {**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(ROOT)}
    started = time.perf_counter()
    subprocess.run(command, env=variables, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def one(rounds: int, scratch: Path) -> dict[str, float]:
    """One honest candidate against its own function called once."""
    check = [sys.executable, "-m", "conformance.cli.check"]
    filled = scratch / "warmed"
    several = scratch / "several"
    several.mkdir()
    for number in range(4):
        shutil.copy(CANDIDATE, several / f"same_{number}.py")
    timed([*check, str(several)], filled)  # four candidates: enough to warm the cache
    times: dict[str, list[float]] = {"once": [], "cold": [], "warm": []}
    for number in range(rounds):
        source = ONCE.format(path=str(CANDIDATE))
        times["once"].append(timed([sys.executable, "-c", source], scratch / "none"))
        times["cold"].append(timed([*check, str(CANDIDATE)], scratch / f"cold_{number}"))
        times["warm"].append(timed([*check, str(CANDIDATE)], filled))
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {
        **{f"{name}_seconds": round(value, 2) for name, value in medians.items()},
        "cold_ratio": round(medians["cold"] / medians["once"], 2),
        "warm_ratio": round(medians["warm"] / medians["once"], 2),
    }


def many(count: int, source: str, workers: int, scratch: Path) -> dict[str, object]:
    """Candidates per second once the first few are through, and memory along the way."""
    from concurrent.futures import ThreadPoolExecutor

    from conformance.runner import process_env

    process_env.prepare()
    from conformance.judge import check_file, server_process, warm_cache
    from conformance.judge import compile_cache as cache
    from conformance.judge.exercises import load_exercises
    from conformance.judge.session import JudgeSession, Options

    warmed = cache.prepare(scratch / "many")
    assert warmed is not None
    exercises = load_exercises()
    warm_cache.warm(warmed, [exercises["nn_vmap_forward"]])
    server = server_process.start_server(cache=warmed.compiled)
    session = JudgeSession(server, exercises, Options(), warmed)
    path = scratch / "candidate.py"
    path.write_text(source)
    memory = []
    try:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda _: check_file.check_file(session, path), range(2 * workers)))
            started = time.perf_counter()
            step = max(1, count // 10)
            for first in range(0, count, step):
                here = range(min(step, count - first))
                for verdicts in pool.map(lambda _: check_file.check_file(session, path), here):
                    assert [each.verdict for each in verdicts] == ["conforms"], verdicts
                memory.append((resident(os.getpid()), resident(server.process.pid)))
            seconds = time.perf_counter() - started
    finally:
        server_process.stop_server(server)
    return {
        "candidates": count,
        "per_second": round(count / seconds, 2),
        "judge_mib": [first for first, _ in memory],
        "server_mib": [second for _, second in memory],
    }


def resident(pid: int) -> int:
    """Resident memory in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--many", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        results = {
            "one": one(arguments.rounds, scratch),
            "many_alike": many(arguments.many, CANDIDATE.read_text(), arguments.workers, scratch),
            "many_otherwise": many(
                max(10, arguments.many // 4), OTHERWISE, arguments.workers, scratch
            ),
        }
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
