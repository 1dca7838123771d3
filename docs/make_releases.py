"""Make docs/releases.md: `python docs/make_releases.py LOG...`, of the event logs that `releases` keeps.

The numbers are the logs'; `EXPLAINED` is written by hand.
"""

import argparse
from collections import defaultdict
from datetime import date
from pathlib import Path

from conformance.events.reader import LogError, read
from conformance.events.records import Header, Record
from conformance.reporting.faults import group_by_cause
from conformance.reporting.markdown import code, plain, table
from conformance.reporting.summary import Summary, summarise
from conformance.upgrade.environments.release_days import DAYS, Release
from conformance.upgrade.release_matrix import Row
from conformance.upgrade.render.releases import markdown

PAGE = Path(__file__).with_name("releases.md")
HEAD = """Made by `python docs/make_releases.py LOG...` on {day}, of event logs of `run --seed 0` as
`vmap-conformance releases 'jax>=0.4.30'` keeps them. Each release of JAX is run with the Flax that an
install on its day gave, on one CPU as eight devices. The [defect atlas](defects.md) says what the known
defects are. A fault below was found by these runs; "Explained" says what became of it. The digest is of the
calls drawn: known defects are left out of them, so that it differs between releases.
"""
EXPLAINED = {
    ("0.5.3", "repeated"): (
        "jaxlib 0.5.1, 0.5.3 and 0.6.0 give a loop's start value for its result where the program comes from "
        "the persistent compilation cache ([script](findings/compilation-cache-loops.py)). The suite does "
        "without the cache there since, and says so."
    ),
}
"""Why the faults of a release and a subject, or of a law alone, are no surprise."""


BROKEN = """
## Releases that do not go together

- jax 0.11.1 with flax 0.12.8, which an install gave from 2026-08-17 to 2026-08-18: `import flax.nnx` raises
  AttributeError, since `jax.experimental.hijax` has no `MutableHiType` any more.
- jax 0.11.2 with flax 0.12.9, which an install gave from 2026-09-17 to 2026-09-24: `import flax.nnx` raises
  AttributeError, since `jax.experimental.hijax` has no `HiPrimitive` any more
  (<https://github.com/google/flax/issues/5596>). flax 0.12.10 was tried with jax 0.12.0.1, and works.

`run` checks JAX's own transforms and Linen there; NNX does not apply, with that reason.
"""
EARLIER = {
    "0.4.31": ("0.8.5", 1310, 32, 0),
    "0.4.35": ("0.10.0", 1513, 41, 2),
    "0.6.0": ("0.10.5", 1531, 43, 1),
    "0.7.2": ("0.11.2", 1755, 53, 0),
    "0.8.0": ("0.12.0", 1767, 51, 0),
    "0.9.0": ("0.12.2", 1787, 55, 0),
    "0.9.2": ("0.12.5", 1764, 53, 0),
}
"""Releases that the suite as it was on 2026-11-27 was run on: Flax, what held, known defects, faults."""
OF_EARLIER = """The faults of 0.4.35: `repeated`, no defect, since flax 0.10.0 has no
`nnx.while_loop` yet, and the suite says since that the subject does not apply; and
`lax.optimization_barrier`, a defect of jax before 0.4.38, in the ledger since as
`vmap-optimization-barrier`. That of 0.6.0: `square`, in the ledger since as
`shard-map-map-of-gradient`.
"""


def main(logs: list[str]) -> None:
    """Write the page."""
    whole: dict[str, list[Record]] = defaultdict(list)
    part: dict[str, list[Record]] = defaultdict(list)
    for log in map(Path, logs):
        records = read(log)
        header = records[0]
        assert isinstance(header, Header)
        chosen = part if "--law" in header.command else whole
        chosen[str(header.environment.jax)] += records
    made = {name: summarise(records) for name, records in whole.items()}
    rows = [
        Row(Release("jax", version, date.fromisoformat(day)), made[version], ())
        for version, day in DAYS["jax"].items()
        if version in made
    ]
    page = markdown(rows, "Releases", HEAD.format(day=_day()))
    page += _explanations(rows)
    page += _parts({name: summarise(records) for name, records in part.items() if name not in made})
    page += _earlier({*whole, *part})
    page += BROKEN
    page += _not_run({*whole, *part, *EARLIER})
    PAGE.write_text(page, encoding="utf-8")


def _day() -> str:
    return date.today().isoformat()  # noqa: DTZ011 (the day of whoever runs it)


def _explanations(rows: list[Row]) -> str:
    lines = {}
    for row in rows:
        release = row.release.version
        for fault in group_by_cause(row.summary.failures):
            keys = [(release, name) for name in (fault.subject, *fault.laws)]
            why = [EXPLAINED[key] for key in keys if key in EXPLAINED]
            what = f"- {row.release.label}, {code(fault.subject)}: "
            lines[what + (why[0] if why else "**not explained**.")] = None
    return "\n## Explained\n\n" + "\n".join(lines) + "\n" if lines else ""


def _parts(made: dict[str, Summary]) -> str:
    """Releases of which only some laws were run."""
    if not made:
        return ""
    rows = []
    for version in [version for version in DAYS["jax"] if version in made]:
        summary = made[version]
        header = summary.header
        assert header is not None
        words = header.command
        laws = [words[n + 1] for n, word in enumerate(words) if word == "--law"]
        faults = [f"{f.subject}: {f.symptom}" for f in group_by_cause(summary.failures)]
        counts = [str(summary.counts[name]) for name in ("holds", "known-defect")]
        rows.append(
            [plain(version), ", ".join(map(code, laws)), *counts, plain("; ".join(faults)) or "0"]
        )
    heads = ["jax", "laws", "hold", "known defects", "faults"]
    return "\n## Run in part\n\n" + "\n".join(table(heads, rows)) + "\n"


def _earlier(ran: set[str]) -> str:
    """Releases that only an earlier state of the suite was run on."""
    rows = [
        [plain(f"jax {version}"), plain(f"flax {flax}"), *(f"{number:,}" for number in counted)]
        for version, (flax, *counted) in EARLIER.items()
        if version not in ran
    ]
    if not rows:
        return ""
    heads = ["release", "with", "hold", "known defects", "faults"]
    head = "\n## Run by the suite as it was on 2026-11-27\n\n"
    return head + "\n".join(table(heads, rows)) + "\n\n" + OF_EARLIER


def _not_run(ran: set[str]) -> str:
    left = [version for version in DAYS["jax"] if version not in ran]
    return f"\nNot run yet: jax {', '.join(left)}.\n" if left else ""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", nargs="+", help="an event log of `run --seed 0`")
    try:
        main(parser.parse_args().log)
    except LogError as problem:
        parser.error(str(problem))
