"""The head of a run: what was checked, how hard, and what it cost."""

from rich.text import Text

from conformance.events.records import Header
from conformance.reporting import layout
from conformance.reporting.summary import Summary

NAMED = 8
"""Batching rules that were not reached are named up to so many."""


def lines(summary: Summary, width: int, *, costs: bool = False) -> list[Text]:
    """Versions, profile, seed, digest of the calls, time, and batching rules reached."""
    header = summary.header
    parts = [*(_of_header(header, _shards(summary)) if header else []), *_of_calls(summary)]
    head = [Text(line) for line in layout.join(parts, width)]
    return [*head, *(Text(line, style="dim") for line in cost(summary, width))] if costs else head


def _shards(summary: Summary) -> str:
    """Such as `, shard 1/4`; empty where the log has every part of the run."""
    if not summary.missing_shards:
        return ""
    there = sorted({header.shard for header in summary.headers})
    named = ", ".join(f"{part}/{parts}" for part, parts in there)
    return f", shard{'s' * (len(there) > 1)} {named}"


def _of_header(header: Header, shards: str) -> list[str]:
    environment = header.environment
    versions = "  ".join(
        f"{name} {getattr(environment, name)}" for name in ("jax", "flax", "python")
    )
    place = f"{environment.devices} {environment.platform} devices"
    if environment.devices == 1:
        place = place[:-1]
    where = [place] if environment.platform else []
    return [versions, *where, f"{header.profile}, seed {header.seed}{shards}"]


def _of_calls(summary: Summary) -> list[str]:
    calls = layout.count(summary.total("examples"), "call")
    took = "an interrupted run" if summary.seconds is None else f"{summary.seconds:.0f} s"
    digest = f" (digest {summary.digest})" if summary.digest else ""
    parts = [f"{calls} in {took}{digest}"]
    if summary.rules is not None:
        parts.append(f"{summary.rules.exercised} of {summary.rules.registered} batching rules")
    return parts


def cost(summary: Summary, width: int = 10_000) -> list[str]:
    """What was exercised beyond the number of calls, and what it cost."""
    parts = [
        f"{summary.total('combinations'):,.0f} combinations of axes",
        f"{summary.total('shapes'):,.0f} sets of sizes",
        (
            f"{summary.total('compilations'):,.0f} compilations taking "
            f"{summary.total('compile_seconds'):.1f} s"
        ),
        f"{summary.total('cache_hits'):,.0f} more from the cache",
    ]
    rules = summary.rules
    if rules is not None:
        parts.append(f"{rules.exempt} batching rules exempt")
        some = f"not reached: {', '.join(rules.missing)}" if rules.missing else "all others reached"
        parts.append(f"{len(rules.missing)} not reached" if len(rules.missing) > NAMED else some)
    return layout.join(parts, width)
