"""A machine may have one accelerator: what needs two does not apply there, and is no fault."""

import os
import subprocess
import sys

import jax
import pytest

from properties.subject import FunctionSubject
from properties.subjects import RULES

CODE = """
import jax
from properties.applicability import raised_alone, unavailable
from properties.subjects import RULES

assert jax.device_count() == {devices}
about = [each for each in RULES if "jax.devices" in each.source or "device_count" in each.source]
print(*sorted(each.name for each in about if unavailable(each)))
print(*sorted(each.name for each in about if raised_alone(each)))
"""


def _said(devices: int) -> list[set[str]]:
    flags = f"--xla_force_host_platform_device_count={devices}"
    given = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(devices=devices)],
        env=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [set(line.split()) for line in done.stdout.split("\n")[:2]]


@pytest.mark.parametrize("devices", [1, 2])
def test_a_function_over_two_devices_is_lacking_where_there_is_one(devices: int) -> None:
    over_two = {each.name for each in RULES if _is_over_two(each)}
    assert len(over_two) > 5
    lacking, raising = _said(devices)
    assert not raising
    if devices == 1:
        assert over_two <= lacking
    elif hasattr(jax, "shard_map"):
        # The control.
        assert not over_two <= lacking


def _is_over_two(subject: FunctionSubject) -> bool:
    return "it is over two devices" in (subject.source or "")
