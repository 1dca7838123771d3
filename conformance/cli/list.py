"""`vmap-conformance list`: the kinds of things there are."""

import json

import click

from conformance.cli import catalogue


@click.command("list")
@click.argument("kind", type=click.Choice(catalogue.KINDS))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_kind(kind: str, as_json: bool) -> int:
    """List what there is: KIND is laws, transforms, subjects, exercises, defects or (batching) rules.

    \b
    Examples:
      vmap-conformance list laws
      vmap-conformance list defects --json
    """
    rows = catalogue.rows(kind)
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return 0
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        click.echo(f"{row['name']:{width}}  {row['summary']}")
    return 0
