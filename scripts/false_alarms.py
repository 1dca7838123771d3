"""Hold sound subjects of users' kinds to every law, over many seeds: each violation is a false alarm.

    python scripts/false_alarms.py --seeds 0:20 --log alarms.jsonl [--devices 1] [--shard 1/4]
                                   [--subjects 'research:*'] [--laws 'mapping.*'] [--transforms jax.vmap]

The subjects are the tables in tests/conformance/user_subjects: nothing in them is wrong, so that what
is `violated` or `crashed` is a fault of the suite, or a finding about a library. What is `not-applicable`
for a reason that neither the library nor the subject's author gives is something that the suite lacks.
All subjects are run with the first seed before any is run with the second. A line of JSON for each
item that does not simply hold, and one for each subject and seed when it is done; what the log already has is
not run again, so that a run that was stopped goes on with the same command. The exit status is 1
where there was an alarm.
"""

import argparse
import fnmatch
import itertools
import json
import os
import sys
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "conformance" / "user_subjects"))

EXPECTED_REASONS = ("JAX says:", "summed over the devices", "known defect")
"""A law is not applicable for one of these reasons where a library says so when it runs."""


def main() -> int:
    """Run what the options say; the exit status."""
    options = _options()
    devices = f"--xla_force_host_platform_device_count={options.devices}"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {devices}".strip()

    from conformance.runner import process_env

    process_env.prepare()
    done = _done(options.log)
    alarms = 0
    chosen = [name for name in names() if wanted(name, options)]
    with options.log.open("a", encoding="utf-8") as log:
        for seed, name in itertools.product(options.seeds, chosen):
            if (name, seed, options.devices) in done:
                continue
            for line in _of_subject(name, seed, options):
                alarms += line.get("alarm", False)
                log.write(json.dumps({"devices": options.devices, **line}) + "\n")
                log.flush()
    return int(alarms > 0)


def _of_subject(name: str, seed: int, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The lines about one subject with one seed, the last of them its summary."""
    import attrs
    import jax

    from conformance.runner import items
    from conformance.runner.run_item import run_item
    from conformance.transforms import TRANSFORMS
    from conformance.user_subjects import subjects
    from properties.laws import LAWS
    from properties.profile import PROFILES

    start, outcomes = time.perf_counter(), Counter[str]()
    profile = attrs.evolve(PROFILES[options.profile], seed=seed)
    where = {"subject": name, "seed": seed}
    try:
        subject = subject_named(name)
    except Exception as error:
        # An old release of Flax lacks what some of them call.
        lacks = isinstance(error, AttributeError) and "module 'flax" in str(error)
        detail = traceback.format_exc()
        yield {**where, "alarm": not lacks, "outcome": "not made", "detail": detail}
        return
    for transform, law in itertools.product(TRANSFORMS.values(), LAWS.values()):
        chosen = items.chosen(law.id, options.laws) and items.chosen(
            transform.name, options.transforms
        )
        if not chosen or not law.applies_to(transform, subject):
            continue
        item = {**where, "law": law.id, "transform": transform.name}
        try:
            with subjects.registered(subject):
                result = run_item(items.Item(law, transform, subject), profile)
                static = transform.unavailable() or law.skip_reason(transform, subject)
        except Exception:
            outcomes["raised"] += 1
            yield {**item, "alarm": True, "outcome": "raised", "detail": traceback.format_exc()}
            continue
        outcomes[result.outcome] += 1
        if result.outcome in ("holds", "not-sampled"):
            continue
        detail = str(getattr(result.detail, "message", None) or result.detail)
        reason = getattr(result.detail, "reason", "")
        explained = reason == static or any(words in reason for words in EXPECTED_REASONS)
        alarm = result.outcome != "not-applicable"
        yield {
            **item,
            "outcome": result.outcome,
            "alarm": alarm,
            "unexplained": not alarm and not explained,
            "detail": detail if alarm else reason,
        }
    jax.clear_caches()
    seconds = round(time.perf_counter() - start, 1)
    yield {**where, "done": True, "outcomes": dict(outcomes), "seconds": seconds}


def names() -> list[str]:
    import ordinary_functions
    import ordinary_modules
    import research_functions
    import research_modules

    try:
        nnx = tuple(ordinary_modules.nnx_modules())
    except (ImportError, AttributeError):  # an old release of Flax lacks some of them
        nnx = ()
    tables = {
        "research": (*research_functions.FUNCTIONS, *research_modules.names()),
        "module": (*ordinary_modules.LINEN, *nnx),
        "function": tuple(ordinary_functions.FUNCTIONS),
    }
    return [f"{table}:{name}" for table, names in tables.items() for name in names]


def subject_named(name: str) -> Any:
    import ordinary_functions
    import ordinary_modules
    import research_functions
    import research_modules

    table, name = name.split(":")
    if table == "research":
        module: Any = (
            research_functions if name in research_functions.FUNCTIONS else research_modules
        )
    else:
        module = ordinary_functions if table == "function" else ordinary_modules
    return module.subject(name)


def wanted(name: str, options: argparse.Namespace) -> bool:
    part, parts = options.shard
    mine = zlib.crc32(name.encode()) % parts == part - 1
    globs = options.subjects or ["*"]
    return mine and any(fnmatch.fnmatchcase(name, glob) for glob in globs)


def _done(log: Path) -> set[tuple[str, int, int]]:
    """Subject, seed and devices of what a log says was finished."""
    if not log.exists():
        return set()
    lines = map(json.loads, log.read_text(encoding="utf-8").splitlines())
    return {(x["subject"], x["seed"], x["devices"]) for x in lines if x.get("done")}


def _seeds(text: str) -> list[int]:
    first, colon, last = text.partition(":")
    return list(range(int(first), int(last))) if colon else [int(text)]


def _shard(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    return int(part), int(parts)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_selection(parser)
    parser.add_argument("--laws", nargs="*", default=[], help="globs over the ids of laws")
    parser.add_argument("--transforms", nargs="*", default=[], help="globs over transforms")
    parser.add_argument("--devices", type=int, default=8, help="virtual CPU devices")
    parser.add_argument("--profile", default="quick")
    return parser.parse_args()


def add_selection(parser: argparse.ArgumentParser) -> None:
    """The options that say which subjects and seeds, and where the lines go."""
    parser.add_argument("--seeds", type=_seeds, default=[0], help="one seed, or first:last+1")
    parser.add_argument("--subjects", nargs="*", default=[], help="globs over TABLE:NAME")
    parser.add_argument("--shard", type=_shard, default=(1, 1), help="part i/n of the subjects")
    parser.add_argument("--log", type=Path, required=True, help="the JSON lines, appended to")


if __name__ == "__main__":
    sys.exit(main())
