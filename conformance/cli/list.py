"""`vmap-conformance list`: the kinds of things there are."""

import json

import click

from conformance.cli import catalogue


@click.command("list")
@click.argument("kind", type=click.Choice(catalogue.KINDS))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_kind(kind: str, as_json: bool) -> int:
    """List what there is: laws, transforms, subjects, exercises, defects, (batching) rules, parameters.

    Defects are listed with their releases; * marks those that the installed releases have.

    \b
    Examples:
      vmap-conformance list laws
      vmap-conformance list defects --json
    """
    rows = catalogue.rows(kind)
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return 0
    heads = [f"{_mark(row)}{row['name']}" for row in rows]
    width = max(map(len, heads), default=0)
    for head, row in zip(heads, rows, strict=True):
        click.echo(f"{head:{width}}  {_releases(row)}{row['summary']}")
    if kind == "parameters":
        states = [row["state"] for row in rows]
        varied, same = states.count("varies"), states.count("same")
        percent = 100 * varied / max(1, varied + same)
        click.echo(f"the catalogue varies {varied} of {varied + same}: {percent:.1f} %")
    if kind == "defects":
        there = sum(row["installed"] for row in rows)
        click.echo(f"* the installed releases have it: {there} of {len(rows)}")
    return 0


def _mark(row: catalogue.Row) -> str:
    """What stands before the name: of a known defect, whether the installed releases have it."""
    if "installed" not in row:
        return ""
    return "* " if row["installed"] else "  "


def _releases(row: catalogue.Row) -> str:
    """What stands before the summary: of a known defect, the releases that have it, and the platform."""
    versions = row.get("versions")
    if versions is None:
        return ""
    words = [f"{package} {allowed}" for package, allowed in versions.items()]
    words += [f"on {row['platform']}"] if row["platform"] else []
    return f"[{', '.join(words)}] "
