"""Where a run's time goes, and what one more subject of the catalogue costs: from its event log.

    vmap-conformance run --seed 0 --log run.jsonl
    python benchmarks/costs.py run.jsonl [--top 12]

Shares are of the seconds of all items of the one log. What does not belong to an item (the start of
the workers, collecting, pytest itself) is the rest of what `time` says of the command.
"""

import argparse
from collections import Counter, defaultdict
from pathlib import Path

from conformance.events.outcomes import NOT_CHECKED
from conformance.events.reader import read
from conformance.events.records import Result
from conformance.runner import process_env

process_env.prepare()

from properties.subjects import SUBJECTS  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("log", type=Path)
    parser.add_argument("--top", type=int, default=12)
    options = parser.parse_args()
    checked = [
        record
        for record in read(options.log)
        if isinstance(record, Result) and record.outcome not in NOT_CHECKED
    ]
    total = sum(result.seconds for result in checked)
    compiling = sum(result.compile_seconds or 0 for result in checked)
    programs = sum(result.compilations + (result.cache_hits or 0) for result in checked)
    print(f"{len(checked)} items, {total:.1f} s, {programs} programs")
    print(f"{compiling / total:6.1%}  compiling, or fetching from the cache")
    seconds: Counter[str] = Counter()
    for result in checked:
        seconds[result.law] += result.seconds
    for law, spent in seconds.most_common(options.top):
        print(f"{spent / total:6.1%}  {law}")
    of_subject: dict[str, float] = defaultdict(float)
    for result in checked:
        if result.subject in SUBJECTS and SUBJECTS[result.subject].tier == "catalogue":
            of_subject[result.subject] += result.seconds
    each = sum(of_subject.values()) / max(1, len(of_subject))
    print(f"one more subject of the catalogue: {each:.3f} s, {each / total:.2%} of the items' time")


if __name__ == "__main__":
    main()
