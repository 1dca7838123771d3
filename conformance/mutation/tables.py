"""Mutation results as Markdown tables, and in one sentence."""

from collections.abc import Iterable, Sequence

from conformance.mutation.results import (
    CONTROL,
    MutationResult,
    RuleMutationResult,
    SubtleResult,
)
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
        f"{controls(sum(each.killed for each in results if each.mutant == CONTROL))}"
    )


def matrix_tables(results: Sequence[MutationResult]) -> str:
    """Mutants by laws, one table for maps and one for each transform that lifts modules."""
    parts = []
    for title in dict.fromkeys(map(_title, results)):
        rows = [each for each in results if _title(each) == title and each.calls]
        cells = {(each.mutant, each.law): each.killed_by or "-" for each in rows}
        laws = list(dict.fromkeys(each.law for each in rows))
        mutants = list(dict.fromkeys(each.mutant for each in rows))
        cells_table = table("mutant", {law: f"`{law}`" for law in laws}, mutants, cells)
        parts.append(f"## {title}\n\n{cells_table}\n")
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
        f"{controls(sum(each.killed for each in results if each.mutant == CONTROL))}"
    )


def rule_table(results: Sequence[RuleMutationResult]) -> str:
    """Rules by mutants."""
    cells = {(each.rule, each.mutant): _rule_cell(each) for each in results}
    columns = {each.mutant: each.mutant for each in results}
    return table("rule", columns, dict.fromkeys(each.rule for each in results), cells)


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
    return table("mutant", columns, rows, cells)


def controls(failing: int) -> str:
    """What is said of the controls."""
    return f"{failing} controls fail." if failing else "every control passes."


def table(
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
