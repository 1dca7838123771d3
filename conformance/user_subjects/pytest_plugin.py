"""What pytest loads of this package by itself: one option, which is nothing where it is not set.

It imports neither JAX nor anything else of this package.
"""

import os
import sys
import warnings

import pytest

DEVICES_OPTION = "vmap_conformance_devices"
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
