"""`vmap-conformance mutants`: which law notices which broken transform or batching rule."""

from pathlib import Path

import click

from conformance.runner import process_env

HEAD = """# The kill matrix

Every law is held to broken transforms (`properties/mutants`). A cell names the subject on which
the law noticed the fault; a dash says that the law has nothing to say about it. Made by
`vmap-conformance mutants --markdown docs/kill-matrix.md`.

"""


RULES_HEAD = """# Broken batching rules

Each batching rule of JAX that the catalogue reaches is replaced by a broken one, and the map is held to
`mapping.equals-per-example`. A cell names the subject on which the law noticed. Made by
`vmap-conformance mutants --rules '*' --markdown docs/broken-rules.md`.

"""
LEAST_SHARE = 0.95
"""Of the pairs of rule and fault that must be noticed."""


@click.command()
@click.option("--markdown", type=click.Path(path_type=Path, dir_okay=False), help="Write here.")
@click.option("--rules", multiple=True, metavar="GLOB", help="Break these batching rules instead.")
@click.option("-n", "--workers", type=click.IntRange(1), help="Processes that break rules.")
def mutants(markdown: Path | None, rules: tuple[str, ...], workers: int | None) -> int:
    """Hold broken transforms, or broken batching rules, to the laws: what notices which fault?"""
    process_env.prepare()
    if rules:
        return _broken_rules(rules, workers or process_env.cores(), markdown)
    from conformance.mutation.kill_matrix import kills, table, totals

    found = kills()
    _tell(HEAD, totals(found), table(found), markdown)
    killed = {k.mutant for k in found if k.subject}, {k.law for k in found if k.subject}
    return 0 if killed == ({k.mutant for k in found}, {k.law for k in found}) else 1


def _broken_rules(globs: tuple[str, ...], workers: int, markdown: Path | None) -> int:
    from conformance.mutation import rule_mutants
    from conformance.runner.items import chosen

    names = [name for name in rule_mutants.reach() if chosen(name, globs)]
    if not names:
        raise click.UsageError(f"no batching rule that is reached matches {' or '.join(globs)}")
    try:
        found = rule_mutants.mutate_rules(names, workers)
    except rule_mutants.BrokenRuleKilledProcess as error:
        raise click.ClickException(str(error)) from None
    _tell(RULES_HEAD, rule_mutants.totals(found), rule_mutants.table(found), markdown)
    applied = [each for each in found if not each.why]
    return 0 if sum(bool(e.killed_by) for e in applied) >= LEAST_SHARE * len(applied) else 1


def _tell(head: str, sentence: str, grid: str, markdown: Path | None) -> None:
    if markdown is None:
        click.echo(f"{head}{sentence}\n\n{grid}")
    else:
        markdown.write_text(f"{head}{sentence}\n\n{grid}\n", encoding="utf-8")
        click.echo(sentence)
