"""The user's modules: what fails in them, what they try, and what lies beside them."""

import subprocess
import sys
from pathlib import Path

import pytest

GOOD = """
import jax.numpy as jnp
from conformance import own
SUBJECTS = [own.function("fine", jnp.sin, [("n",)])]
"""
ONE_BROKEN = """
import jax.numpy as jnp
from conformance import own
SUBJECTS = [
    own.function("fine", jnp.sin, [("n",)]),
    own.function("bad", lambda x: jnp.no_such_name(x), [("n",)]),
]
"""
LOAD = """
import sys
from conformance.user_subjects import loading
try:
    print([subject.name for subject in loading.load(sys.argv[1])])
except loading.subjects.SubjectsError as error:
    print("refused:", error)
for each in loading.FAILED:
    print(each.module, each.subject, each.type, each.line)
print("end")
"""


def loaded(directory: Path, source: str, module: str = "mine", tolerant: bool = False) -> list[str]:
    (directory / f"{module}.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "-P", "-c", LOAD, module]
        if sys.version_info >= (3, 11)
        else [sys.executable, "-c", LOAD, module],
        cwd=directory,
        env={**_environment(), **({"VMAP_CONFORMANCE_TOLERANT": "1"} if tolerant else {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *lines, end = done.stdout.splitlines()
    assert end == "end", "the process got to its end"
    return lines


def _environment() -> dict[str, str]:
    import os

    return {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}


def test_a_module_of_the_current_directory_is_loaded(tmp_path: Path) -> None:
    assert loaded(tmp_path, GOOD) == ["['fine']"]


def test_one_broken_subject_is_refused_or_left_out(tmp_path: Path) -> None:
    (line,) = loaded(tmp_path, ONE_BROKEN)
    assert line.startswith("refused: the subject 'bad' does not take inputs")
    names, failure = loaded(tmp_path, ONE_BROKEN, tolerant=True)
    assert names == "['fine']"
    assert failure.startswith("mine bad AttributeError ")
    assert "no_such_name" in failure


def test_a_module_that_cannot_be_imported_is_refused_or_left_out(tmp_path: Path) -> None:
    source = "from jax import no_such_name\n"
    (line,) = loaded(tmp_path, source)
    assert line.startswith("refused: mine cannot be imported: ImportError")
    names, failure = loaded(tmp_path, source, tolerant=True)
    assert names == "[]"
    assert failure.startswith("mine None ImportError cannot import name 'no_such_name'")


@pytest.mark.parametrize("statement", ["import sys; sys.exit(0)", "import os; os._exit(0)"])
@pytest.mark.parametrize("tolerant", [False, True])
def test_a_module_does_not_end_the_process(tmp_path: Path, statement: str, tolerant: bool) -> None:
    said = " ".join(loaded(tmp_path, f"{statement}\n{GOOD}", tolerant=tolerant))
    assert "it ends the process with status 0" in said or "SystemExit: 0" in said


ONE_STUCK = """
import jax.numpy as jnp
from conformance import own
from conformance.user_subjects import loading

loading.SECONDS = 1.0

def stuck(x):
    while True:
        x = x + 1

SUBJECTS = [
    own.function("stuck", stuck, [()]),
    own.function("fine", jnp.sin, [("n",)]),
]
"""


CATCHING = """import contextlib
    with contextlib.suppress(Exception):
        while True:
            x = x + 1
    """


@pytest.mark.parametrize("before", ["", CATCHING])
def test_a_subject_that_does_not_come_to_an_end_is_left_out(tmp_path: Path, before: str) -> None:
    source = ONE_STUCK.replace("while True:", f"{before}while True:")
    names, failure = loaded(tmp_path, source, tolerant=True)
    assert names == "['fine']"
    expected = "mine stuck TooSlowError making the subject 'stuck' takes more than 1 seconds"
    assert failure == expected


@pytest.mark.parametrize("statement", ["sys.exit(0)", "os._exit(0)"])
def test_a_subject_that_ends_the_process_is_left_out(tmp_path: Path, statement: str) -> None:
    source = ONE_STUCK.replace("while True:\n        x = x + 1", f"import os, sys; {statement}")
    names, failure = loaded(tmp_path, source, tolerant=True)
    assert names == "['fine']"
    assert failure.startswith("mine stuck ")


@pytest.mark.parametrize("name", ["json.py", "flax.py", "properties/__init__.py", "struct.py"])
def test_a_file_named_as_a_library_breaks_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("raise RuntimeError('the wrong one')\n")
    assert loaded(tmp_path, GOOD) == ["['fine']"]


def test_a_package_named_as_one_of_ours_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "properties").mkdir()
    (tmp_path / "properties" / "__init__.py").write_text("")
    (tmp_path / "properties" / "mine.py").write_text("x = 1\n")
    (line,) = loaded(tmp_path, f"from properties import mine\n{GOOD}", "subjects")
    assert line.startswith("refused: subjects cannot be imported: ImportError")
    assert line.endswith("(`properties` is a package of vmap-conformance: rename yours)")
