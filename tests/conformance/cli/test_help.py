"""The help of the command line and of its commands, and the names that it suggests."""

from collections.abc import Callable
from typing import Any

from conformance.cli.app import COMMANDS

Main = Callable[..., Any]


def test_without_a_command_help_is_printed(main: Main) -> None:
    ran = main()
    assert (ran.status, ran.err) == (2, "")
    assert "Check JAX's mapping transforms" in ran.out


def test_every_summary_in_the_help_is_a_command(main: Main) -> None:
    for name in COMMANDS:
        ran = main(name, "--help")
        assert ran.status == 0
        assert ran.out.startswith(f"Usage: vmap-conformance {name} ")


def test_three_names_are_suggested_and_no_more(main: Main) -> None:
    (line,) = main("run", "--subject", "no-such-thing").err.splitlines()
    assert line.count("'") == 8
    assert len(line) < 200
