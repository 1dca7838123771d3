"""One pytest test per subject, law and transform, and what the plugin that pytest loads does."""

import os
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import pytest

from conformance import own
from conformance.testing import assert_conforms, parametrize_subjects

SUBJECT = own.function("dot", jnp.dot, [("n",), ("n",)])

MODULE = """
import jax.numpy as jnp
from conformance import own
from conformance.testing import parametrize_subjects

SUBJECTS = [
    own.function("dot", jnp.dot, [("n",), ("n",)]),
    own.function("left-out", jnp.sin, [("n",)], without={"mapping.*": "for a test"}),
]
test_models = parametrize_subjects(SUBJECTS, ["jax.vmap"], ["mapping.equals-per-example"])
"""
PLUGIN = "conformance.user_subjects.pytest_plugin"


def _pytest(directory: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "XLA_"))}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist"]
    return subprocess.run(
        [*command, *arguments],
        cwd=directory,
        env={**environment, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_case_is_a_test_with_a_readable_id(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(MODULE)
    ran = _pytest(tmp_path, "-v", "-rs")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "test_models[dot/jax.vmap/mapping.equals-per-example] PASSED" in ran.stdout
    assert "test_models[left-out/jax.vmap/mapping.equals-per-example] SKIPPED" in ran.stdout
    assert "left out by the subject's author: for a test" in ran.stdout.replace("\n", "")


FAILING = """
import jax.numpy as jnp
from conformance import own
from conformance.testing import assert_conforms, parametrize_subjects

def shifted(x):
    return jnp.sin(x)

def test_it():
    assert_conforms(shifted, [("n",)], batched=lambda xs: xs + 1, laws=["mapping.whole-batch"])

SUBJECTS = [own.function("sine", jnp.sin, [("n",)])]
test_models = parametrize_subjects(SUBJECTS, laws=["mapping.equals-per-example"])
"""


def test_a_failure_is_the_users_line_and_a_sentence_and_a_skip_says_what_to_do(
    tmp_path: Path,
) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(FAILING)
    ran = _pytest(tmp_path, "-rs")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    lines = ran.stdout.splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith(">  "))
    assert "assert_conforms(shifted" in lines[place]
    assert lines[place + 1].startswith(
        "E       AssertionError: shifted breaks mapping.whole-batch under jax.vmap: values differ"
    )
    assert "ULP" not in ran.stdout
    assert "results = [" not in ran.stdout, "nothing of the suite's own source"
    assert "set vmap_conformance_devices = 8" in ran.stdout.replace("\n", "")


def test_two_subjects_of_one_name_are_said() -> None:
    with pytest.raises(ValueError, match="two subjects have the name 'dot'"):
        parametrize_subjects([SUBJECT, SUBJECT])


@pytest.mark.parametrize(("option", "devices"), [("vmap_conformance_devices = 3\n", 3), ("", 1)])
def test_the_plugin_sets_devices_only_where_it_is_asked_to(
    tmp_path: Path, option: str, devices: int
) -> None:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\n{option}")
    (tmp_path / "test_it.py").write_text(
        "def test_it():\n"
        "    import sys\n"
        "    assert 'jax' not in sys.modules\n"
        f"    import jax\n    assert jax.device_count() == {devices}\n"
    )
    ran = _pytest(tmp_path, "-q", "-p", PLUGIN)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_number_of_devices_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nvmap_conformance_devices = many\n")
    ran = _pytest(tmp_path, "-p", PLUGIN)
    assert ran.returncode == 4
    assert "vmap_conformance_devices = 'many' is not a number of devices" in ran.stderr


def test_a_transform_that_is_asked_for_and_cannot_run_fails(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(
        "import jax.numpy as jnp\n"
        "from conformance.testing import assert_conforms\n\n"
        "def test_it():\n"
        "    assert_conforms(jnp.tanh, [('n',)], ['jax.shard_map'])\n"
    )
    ran = _pytest(tmp_path, "-q")
    assert ran.returncode == 1
    assert (
        "jax.shard_map is asked for and cannot be checked: shard_map needs two devices"
        in ran.stdout
    )
    assert "set vmap_conformance_devices = 8 in pytest's configuration" in ran.stdout


@pytest.mark.parametrize(("given", "told"), [("-v", True), ("-q", False)])
def test_what_was_checked_is_said_where_pytest_is_told_to_say_more(
    tmp_path: Path, given: str, told: bool
) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(
        "import jax.numpy as jnp\n"
        "from conformance import own\n"
        "from conformance.testing import assert_conforms\n\n"
        "def doubled(i):\n"
        "    return 2 * i\n\n"
        "def test_it():\n"
        "    assert_conforms(doubled, [own.indices('n', below=5)], ['jax.vmap'])\n"
    )
    ran = _pytest(tmp_path, given, "-p", PLUGIN)
    assert ran.returncode == 0
    why = "(doubled takes integers, which have no derivative)"
    assert (why in ran.stdout) is told
    assert ("vmap-conformance: doubled: " in ran.stdout) is told


def test_more_devices_than_there_are_fail() -> None:
    with pytest.raises(AssertionError, match="99 devices are asked for"):
        assert_conforms(jnp.tanh, [("n",)], devices=99)


IMPURE = """
import jax.numpy as jnp
from conformance.testing import assert_conforms

kept = []

def cached(x):
    if not kept:
        kept.append(x.mean())
    return x - kept[0]

def test_state():
    assert_conforms(cached, [("n",)])

def test_inputs():
    assert_conforms(jnp.add, [("n",)])
"""


def test_mistakes_of_the_users_are_a_sentence_and_what_lacked_devices_is_said(
    tmp_path: Path,
) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(
        IMPURE + "\ndef test_fine():\n    assert_conforms(jnp.tanh, [('n',)])\n"
    )
    ran = _pytest(tmp_path, "-q", "-p", PLUGIN)
    assert "1 passed" in ran.stdout
    assert "cached keeps an array of a call in which JAX traced it" in ran.stdout
    assert "missing a required argument: 'y'" in ran.stdout or "required positional" in ran.stdout
    assert "conformance/user_subjects/functions.py" not in ran.stdout, (
        "nothing of the suite's source"
    )
    assert "jax.pmap, jax.shard_map not checked: they need two devices" in ran.stdout
