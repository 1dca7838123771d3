"""What pytest loads of this package by itself: one option, and lines on what was checked and what was not.

It imports neither JAX nor anything else of this package.
"""

import os
import sys
import warnings
from typing import Any

import pytest

DEVICES_OPTION = "vmap_conformance_devices"
LACKED_DEVICES: set[str] = set()
"""Transforms that `assert_conforms` left out, since they need more devices than there are."""
CHECKED: list[str] = []
"""What `assert_conforms` checked of each subject that conforms, in a line."""
_OUTPUT = "vmap_conformance_lacked_devices"
_OUTPUT_CHECKED = "vmap_conformance_checked"
_FLAG = "--xla_force_host_platform_device_count"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option to pytest's configuration."""
    parser.addini(
        DEVICES_OPTION,
        "virtual CPU devices for maps over devices (vmap-conformance), set before JAX starts",
        default="",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Set the number of devices before a conftest imports JAX."""
    wanted = str(early_config.getini(DEVICES_OPTION)).strip()
    flags = os.environ.get("XLA_FLAGS", "")
    if not wanted or _FLAG in flags:
        return
    if not wanted.isdigit():
        raise pytest.UsageError(f"{DEVICES_OPTION} = {wanted!r} is not a number of devices")
    os.environ["XLA_FLAGS"] = f"{flags} {_FLAG}={wanted}".strip()
    if "jax" in sys.modules:
        warnings.warn(
            f"JAX was imported before pytest read {DEVICES_OPTION}: where it has started, the option "
            "changes nothing",
            pytest.PytestConfigWarning,
            stacklevel=1,
        )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what a worker of pytest-xdist checked and left out to the process that prints."""
    output: Any = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_OUTPUT] = sorted(LACKED_DEVICES)
        output[_OUTPUT_CHECKED] = CHECKED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker of pytest-xdist checked and left out."""
    output = getattr(node, "workeroutput", {})
    LACKED_DEVICES.update(output.get(_OUTPUT, ()))
    CHECKED.extend(output.get(_OUTPUT_CHECKED, ()))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what no test checked for want of devices; with -v, what each was checked for.

    Args:
        terminalreporter: Of a type that pytest 8.3, which a project may have, names in no public module.

    """
    if terminalreporter.verbosity > 0:
        for line in sorted(CHECKED):
            terminalreporter.write_line(f"vmap-conformance: {line}")
    if LACKED_DEVICES:
        terminalreporter.write_line(
            f"vmap-conformance: {', '.join(sorted(LACKED_DEVICES))} not checked: they need two devices; "
            f"set {DEVICES_OPTION} = 8 in pytest's configuration"
        )
