"""Mutation results as Markdown tables, and in one sentence."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from conformance.mutation.results import (
    CONTROL,
    MutationResult,
    RuleMutationResult,
    SlipResult,
    SubtleResult,
)
from conformance.mutation.source.survivors import reason
from properties.mutants.subtle import SUBTLE

MATRIX_HEAD = """# The kill matrix

Every law is checked on mutants: transforms that are broken on purpose (`properties/mutants`). A cell
names the subject on which the law killed the mutant: it noticed that something is wrong. A dash says
that the mutant survived: the law does not check what the mutant breaks. The row `none` is the control,
the transform as it is, on the same subjects and calls, and must be all dashes. Calls that show a known
defect are excluded, as in a run. Made by `vmap-conformance mutants --markdown docs/kill-matrix.md`.

"""

RULES_HEAD = """# Broken batching rules

Each batching rule of JAX that the catalogue reaches is replaced by mutants, one at a time, and `jax.vmap`
is checked against the law `mapping.equals-per-example`. A cell names the subject on which the law killed
the mutant, or says in brackets why it need not. The column `none` is the control, the rule as it is, on
the same calls, and must be all dashes. Made by
`vmap-conformance mutants --rules '*' --markdown docs/broken-rules.md`.

"""

SUBTLE_HEAD = """# Subtle mutants

Each is a transform that misbehaves only where something triggers it, such as a batch of one
(`properties/mutants/subtle`). It is checked by the calls that a run of quick draws with seed 0, of a few
subjects of every kind, and where it survives those, by the calls of ci. The control is the transform as
it is, which passes on all calls that are tried. Made by
`vmap-conformance mutants --subtle --markdown docs/subtle-mutants.md`.

"""


SOURCE_HEAD = """# Slips in the source

Every function of JAX and Flax that maps is changed in one place at a time, as a person might get it wrong
(`conformance/mutation/source`): another comparison, `or` for `and`, a number one more, a keyword left out.
Each slip is tried on items that a quick run with seed 0 checks, at most 64 of those that execute its line:
one of each law, then one of each subject. The control, the function compiled anew as it is, is checked on
every item that notices a slip there, and must pass. Below the counts are the slips that survive, with the
reason where no law could notice them (`conformance/mutation/source/survivors.py`). Made by
`vmap-conformance mutants --source '*' --log slips.jsonl --markdown docs/source-slips.md`, which adds to the
log and tries only what it lacks.

"""


def matrix_totals(results: Sequence[MutationResult]) -> str:
    """One sentence: how many mutants, laws and kills."""
    checked = [each for each in results if each.calls]
    tried = [each for each in checked if each.mutant != CONTROL]
    kills = [each for each in tried if each.killed]
    laws, mutants = {each.law for each in tried}, {each.mutant for each in tried}
    return (
        f"{len(kills)} of {len(tried)} triples of law, mutant and transform are kills; "
        f"{len({each.mutant for each in kills})} of {len(mutants)} mutants are killed by some law, "
        f"{len({each.law for each in kills})} of {len(laws)} laws kill some mutant; "
        f"{_controls(sum(each.killed for each in results if each.mutant == CONTROL))}"
    )


def matrix_tables(results: Sequence[MutationResult]) -> str:
    """Mutants by laws, one table for maps and one for each transform that lifts modules."""
    parts = []
    for title in dict.fromkeys(map(_title, results)):
        rows = [each for each in results if _title(each) == title and each.calls]
        cells = {(each.mutant, each.law): each.killed_by or "-" for each in rows}
        laws = list(dict.fromkeys(each.law for each in rows))
        mutants = list(dict.fromkeys(each.mutant for each in rows))
        table = _table("mutant", {law: f"`{law}`" for law in laws}, mutants, cells)
        parts.append(f"## {title}\n\n{table}\n")
    return "\n".join(parts)


def _title(result: MutationResult) -> str:
    lifts = result.law.startswith("sharing.")
    return f"Mutants of {result.transform}, which lifts modules" if lifts else "Mutants of maps"


def rule_totals(results: Sequence[RuleMutationResult]) -> str:
    """One sentence: how many mutants of how many rules, and how many were killed."""
    tried = [each for each in results if each.mutant != CONTROL]
    apply = [each for each in tried if not each.exempt]
    killed = sum(each.killed for each in apply)
    return (
        f"{killed} of {len(apply)} pairs of batching rule and mutant are kills "
        f"({100 * killed / max(1, len(apply)):.1f} %), in {len({each.rule for each in tried})} rules; "
        f"{len(tried) - len(apply)} more do not apply; "
        f"{_controls(sum(each.killed for each in results if each.mutant == CONTROL))}"
    )


def rule_table(results: Sequence[RuleMutationResult]) -> str:
    """Rules by mutants."""
    cells = {(each.rule, each.mutant): _rule_cell(each) for each in results}
    columns = {each.mutant: each.mutant for each in results}
    return _table("rule", columns, dict.fromkeys(each.rule for each in results), cells)


def _rule_cell(result: RuleMutationResult) -> str:
    if result.exempt:
        return f"({result.exempt})"
    return result.killed_by or ("**survived**" if result.survived else "-")


def subtle_totals(results: Sequence[SubtleResult]) -> str:
    """One sentence: how many subtle mutants, and which profile kills how many."""
    quick = sum(each.profile == "quick" for each in results)
    killed = sum(each.profile is not None for each in results)
    return (
        f"{killed} of {len(results)} subtle mutants are killed, {quick} of them by quick; of the "
        f"others {sum(each.triggered and not each.profile for each in results)} are triggered."
    )


def subtle_table(results: Sequence[SubtleResult]) -> str:
    """Subtle mutants: what each does, and what kills it first."""
    columns = {"does": "what it does", "profile": "killed by", "law": "law and subject"}
    cells = {}
    rows = [f"{each.mutant} of {each.transform}" for each in results]
    for row, each in zip(rows, results, strict=True):
        cells[row, "does"] = SUBTLE[each.mutant].sentence
        cells[row, "profile"] = each.profile or (
            "**survives**" if each.triggered else "**is not triggered**"
        )
        cells[row, "law"] = each.killed_by or "-"
    return _table("mutant", columns, rows, cells)


def source_totals(results: Sequence[SlipResult]) -> str:
    """One sentence: how many slips, and how many are noticed."""
    tried = [each for each in results if each.operator != CONTROL]
    reached = [each for each in tried if each.reached]
    can_matter = [each for each in reached if _can_matter(each)]
    noticed = sum(each.noticed for each in reached)
    failing = sum(each.noticed for each in results if each.operator == CONTROL)
    return (
        f"{noticed} of {len(can_matter)} slips that change what a user sees are noticed "
        f"({_percent(noticed, len(can_matter))}); {len(reached) - len(can_matter)} more change nothing that "
        f"a user sees, and {len(tried) - len(reached)} more are in lines that no item executes; "
        f"{_controls(failing)}"
    )


def _can_matter(result: SlipResult) -> bool:
    return result.noticed or not reason(result)


def source_table(results: Sequence[SlipResult]) -> str:
    """Slips by operator and by module, then each that survives, then the lines not executed."""
    tried = [each for each in results if each.operator != CONTROL]
    survivors = [each for each in tried if each.reached and not each.noticed]
    parts = [
        _counted("operator", tried, lambda each: each.operator),
        _counted("module", tried, lambda each: f"`{each.target.split(':')[0]}`"),
        "## Survivors",
        _survivors([each for each in survivors if not reason(each)]),
        "## Slips that change nothing that a user sees",
        _survivors([each for each in survivors if reason(each)]),
        "## Lines that no item executes",
        _not_executed([each for each in tried if not each.reached]),
    ]
    return "\n\n".join(parts)


def _survivors(slips: Sequence[SlipResult]) -> str:
    """Slips by place, each with the reason why it survives, if one is known."""
    columns = {"slip": "slip", "why": "why it survives"}
    cells: dict[tuple[str, str], str] = {}
    for each in slips:
        row = f"`{each.target}` line {each.line}, {each.operator}"
        slip = f"`{_short(each.before)}` → `{_short(each.after)}`"
        cells[row, "slip"] = f"{cells[row, 'slip']}; {slip}" if (row, "slip") in cells else slip
        cells[row, "why"] = reason(each) or "**not noticed**"
    return _table("where", columns, dict.fromkeys(row for row, _ in cells), cells)


def _not_executed(slips: Sequence[SlipResult]) -> str:
    """The functions with such lines."""
    lines: dict[str, list[int]] = defaultdict(list)
    for each in slips:
        lines[f"`{each.target}`"].append(each.line)
    columns = {"slips": "slips", "lines": "lines"}
    cells = {(row, "slips"): str(len(each)) for row, each in lines.items()}
    cells |= {(row, "lines"): ", ".join(map(str, sorted({*each}))) for row, each in lines.items()}
    return _table("function", columns, lines, cells)


def _counted(head: str, tried: Sequence[SlipResult], key: Callable[[SlipResult], str]) -> str:
    columns = {
        "noticed": "noticed",
        "of": "of",
        "share": "share",
        "nothing": "change nothing",
        "not": "not executed",
    }
    cells: dict[tuple[str, str], str] = {}
    rows = sorted({key(each) for each in tried})
    for row in rows:
        mine = [each for each in tried if key(each) == row]
        reached = [each for each in mine if each.reached]
        can_matter = [each for each in reached if _can_matter(each)]
        noticed = sum(each.noticed for each in reached)
        cells |= {(row, "noticed"): str(noticed), (row, "of"): str(len(can_matter))}
        cells[row, "share"] = _percent(noticed, len(can_matter))
        cells[row, "nothing"] = str(len(reached) - len(can_matter))
        cells[row, "not"] = str(len(mine) - len(reached))
    return _table(head, columns, rows, cells)


def _short(code: str) -> str:
    """Code that fits a cell."""
    shown = code if len(code) <= 60 else f"{code[:57]}..."
    return shown.replace("|", "\\|").replace("`", "'")


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / max(1, whole):.1f} %"


def _controls(failing: int) -> str:
    return f"{failing} controls fail." if failing else "every control passes."


def _table(
    corner: str,
    columns: dict[str, str],
    rows: Iterable[str],
    cells: dict[tuple[str, str], str],
) -> str:
    """A Markdown table of the cells by row and column; the columns have titles."""
    lines = [
        f"| {corner} | {' | '.join(columns.values())} |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for row in rows:
        values = (cells.get((row, column), "-") for column in columns)
        lines.append(f"| {row} | {' | '.join(values)} |")
    return "\n".join(lines)
