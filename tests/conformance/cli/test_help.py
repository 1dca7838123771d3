"""The help of the command line and of its commands."""

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
