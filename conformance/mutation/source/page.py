"""The results of slips as Markdown tables, and in one sentence."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from conformance.mutation.results import CONTROL, SlipResult
from conformance.mutation.source import slip_log
from conformance.mutation.source.reach import TRIED
from conformance.mutation.source.survivors import reason
from conformance.mutation.tables import controls, table

_HEAD = """# Slips in the source

Every function of JAX and Flax that maps is changed in one place at a time, as a person might get it wrong
(`conformance/mutation/source`): another comparison, `or` for `and`, a number one more, a keyword left out.
Each slip is tried on items that a quick run with seed 0 checks, at most 64 of those that execute its line:
one of each law, then one of each subject. One that survives is tried in the same way on items of ci. The
control, the function compiled anew as it is, is checked on every item that notices a slip there, and must
pass. Below the counts are the slips that survive, and those that change nothing a user sees, with the
reason (`conformance/mutation/source/survivors.py`). Made by
`vmap-conformance mutants --source '*' --log slips.jsonl --markdown docs/source-slips.md`, which adds to the
log and tries only what it lacks; with `--sample N` it tries N slips, drawn at random with `--seed N`.

"""


def head(every: int, results: Sequence[SlipResult], seed: int) -> str:
    """What comes before the counts.

    Args:
        every: How many slips there are.
        results: Those that were tried.
        seed: With which they were drawn.

    """
    tried = len(slip_log.latest(results))
    part = (
        ""
        if tried == every
        else f" Of these {tried:,} are tried, drawn at random with seed {seed}."
    )
    return f"{_HEAD}Measured on {slip_log.installed().sentence}, where there are {every:,} slips.{part}\n\n"


def totals(results: Sequence[SlipResult]) -> str:
    """One sentence: how many slips, and how many are noticed."""
    tried = slip_log.latest(results)
    can_matter = [each for each in tried if _can_matter(each)]
    noticed = [each for each in tried if each.noticed]
    quick = sum(each.profile == TRIED[0] for each in noticed)
    not_executed = sum(not each.reached for each in can_matter)
    executed = len(can_matter) - not_executed
    failing = [each for each in results if each.operator == CONTROL and each.noticed]
    return (
        f"{len(tried):,} slips are tried. {len(tried) - len(can_matter)} of them change nothing that a "
        f"user sees; of the other {len(can_matter):,}, {not_executed} are in lines that no item tried "
        f"executes. {len(noticed):,} of the {executed:,} in lines that are executed are noticed "
        f"({_percent(len(noticed), executed)}), {quick:,} of them by quick "
        f"({_percent(quick, executed)}); {controls(len(failing))}"
    )


def _can_matter(result: SlipResult) -> bool:
    return result.noticed or not reason(result)


def tables(results: Sequence[SlipResult]) -> str:
    """Slips by operator and by module, then each that survives, then the lines not executed."""
    tried = sorted(slip_log.latest(results), key=lambda each: (each.target, each.number))
    quiet = [each for each in tried if not each.noticed]
    parts = [
        _counted("operator", tried, lambda each: each.operator),
        _counted("module", tried, lambda each: f"`{each.target.split(':')[0]}`"),
        "## Survivors",
        _survivors(each for each in quiet if each.reached and not reason(each)),
        "## Slips that change nothing that a user sees",
        _survivors(each for each in quiet if reason(each)),
        "## Lines that no item tried executes",
        _not_executed(each for each in quiet if not each.reached and not reason(each)),
    ]
    return "\n\n".join(parts)


def _survivors(slips: Iterable[SlipResult]) -> str:
    """Slips by place, each with the reason why it survives, if one is known."""
    columns = {"slip": "slip", "why": "why it survives"}
    cells: dict[tuple[str, str], str] = {}
    for each in slips:
        row = f"`{each.target}` line {each.line}, {each.operator}"
        slip = f"`{_short(each.before)}` → `{_short(each.after)}`"
        cells[row, "slip"] = f"{cells[row, 'slip']}; {slip}" if (row, "slip") in cells else slip
        cells[row, "why"] = reason(each) or "**not noticed**"
    return table("where", columns, dict.fromkeys(row for row, _ in cells), cells)


def _not_executed(slips: Iterable[SlipResult]) -> str:
    """The functions with such lines."""
    lines: dict[str, list[int]] = defaultdict(list)
    for each in slips:
        lines[f"`{each.target}`"].append(each.line)
    columns = {"slips": "slips", "lines": "lines"}
    cells = {(row, "slips"): str(len(each)) for row, each in lines.items()}
    cells |= {(row, "lines"): ", ".join(map(str, sorted({*each}))) for row, each in lines.items()}
    return table("function", columns, lines, cells)


def _counted(first: str, tried: Sequence[SlipResult], key: Callable[[SlipResult], str]) -> str:
    columns = {
        "tried": "tried",
        "nothing": "change nothing",
        "not": "not executed",
        "noticed": "noticed",
        "of": "of",
        "share": "share",
        "quick": "share of quick",
    }
    cells: dict[tuple[str, str], str] = {}
    rows = sorted({key(each) for each in tried})
    for row in rows:
        mine = [each for each in tried if key(each) == row]
        can_matter = [each for each in mine if _can_matter(each)]
        executed = [each for each in can_matter if each.reached]
        noticed = [each for each in executed if each.noticed]
        by_quick = sum(each.profile == TRIED[0] for each in noticed)
        cells |= {(row, "tried"): str(len(mine)), (row, "of"): str(len(executed))}
        cells[row, "nothing"] = str(len(mine) - len(can_matter))
        cells[row, "not"] = str(len(can_matter) - len(executed))
        cells[row, "noticed"] = str(len(noticed))
        cells[row, "share"] = _percent(len(noticed), len(executed))
        cells[row, "quick"] = _percent(by_quick, len(executed))
    return table(first, columns, rows, cells)


def _short(code: str) -> str:
    """Code that fits a cell."""
    shown = code if len(code) <= 60 else f"{code[:57]}..."
    return shown.replace("|", "\\|").replace("`", "'")


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"
