"""The reference of commands, made from their `--help` by `docs/make_pages.py`."""

import click

from conformance.cli.app import COMMANDS, cli

WIDTH = 90
HEAD = "# Commands\n\nMade by `python docs/make_pages.py` from each command's `--help`.\n"


def page() -> str:
    """Every command with its help."""
    parts = [HEAD, _block("vmap-conformance", cli, None)]
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        if command is not None:
            parts.append(_block(f"vmap-conformance {name}", command, name))
    return "\n".join(parts)


def _block(title: str, command: click.Command, name: str | None) -> str:
    parent = click.Context(cli, info_name="vmap-conformance") if name else None
    context = click.Context(
        command,
        info_name=name or title,
        parent=parent,
        max_content_width=WIDTH,
        terminal_width=WIDTH,
    )
    lines = [line.rstrip() for line in command.get_help(context).splitlines()]
    return f"## `{title}`\n\n```text\n" + "\n".join(lines) + "\n```\n"
