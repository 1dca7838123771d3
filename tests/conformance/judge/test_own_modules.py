"""A student's other files can be imported; nobody else's can, and no name of ours is taken."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from conformance.judge import check_file, submissions
from conformance.judge.submissions import find_candidates, of_students, read_candidate
from conformance.judge.verdict import Verdict

HELPER = "def sq(v):\n    return v * v\n"
USES = "import helpers\ndef vectorized_square(x):\n    return helpers.sq(x)\n"
SELF_CONTAINED = "import jax, numpy, random\ndef vectorized_square(x):\n    return x * x\n"
FILES = {
    "beside": {"hw3.py": USES, "helpers.py": HELPER},
    "from": {
        "hw3.py": "import jax\nfrom helpers import *\nvectorized_square = jax.vmap(sq)\n",
        "helpers.py": HELPER,
    },
    "package": {
        "hw3.py": "from layers.square import sq\nvectorized_square = sq\n",
        "layers/__init__.py": "",
        "layers/square.py": "from .parts import sq\n",
        "layers/parts.py": HELPER,
    },
    "without-init": {
        "hw3.py": "from layers.parts import sq\nvectorized_square = sq\n",
        "layers/parts.py": HELPER,
    },
    "notebook": {
        "hw3.ipynb": json.dumps(
            {"cells": [{"cell_type": "code", "metadata": {}, "source": USES}], "nbformat": 4}
        ),
        "helpers.py": HELPER,
    },
    "in-a-folder": {"src/hw3.py": USES, "src/helpers.py": HELPER},
    "from-the-top": {"src/hw3.py": USES, "helpers.py": HELPER},
    "in-a-package": {
        "src/hw/solution.py": "from .helpers import sq\nimport hw.helpers\n"
        "assert hw.helpers.sq is sq and __name__ != '__main__'\nvectorized_square = sq\n",
        "src/hw/helpers.py": HELPER,
        "src/hw/__init__.py": "",
    },
    "in-a-package-in-a-package": {
        "hw/parts/solution.py": "from ..helpers import sq\nfrom . import other\nvectorized_square = sq\n",
        "hw/parts/other.py": "from hw.parts import solution\n",
        "hw/parts/__init__.py": "",
        "hw/helpers.py": HELPER,
        "hw/__init__.py": "",
    },
    "its-package-imports-it": {
        "src/hw/solution.py": "from .helpers import sq\ndef vectorized_square(x):\n    return sq(x)\n",
        "src/hw/helpers.py": HELPER,
        "src/hw/__init__.py": "from hw.helpers import sq\nfrom .solution import vectorized_square\n",
    },
    "its-package-fails-without-it": {
        "hw/solution.py": "vectorized_square = lambda x: x * x\n",
        "hw/__init__.py": "raise RuntimeError('a mistake elsewhere')\n",
    },
    "the-package-itself": {
        "hw/__init__.py": "from .helpers import sq as vectorized_square\nfrom . import helpers\n",
        "hw/helpers.py": HELPER,
    },
    "a-package-in-a-package": {
        "hw/parts/__init__.py": "from ..helpers import sq\nfrom .more import twice\n"
        "def vectorized_square(x):\n    return sq(x)\n",
        "hw/parts/more.py": "import hw.parts\ntwice = 2\n",
        "hw/helpers.py": HELPER,
        "hw/__init__.py": "",
    },
    "from-src": {
        "tests/test_hw.py": "from hw.solution import vectorized_square\n",
        "src/hw/solution.py": "vectorized_square = lambda x: x * x\n",
        "src/hw/__init__.py": "",
    },
    "src-with-a-standard-name": {
        "hw3.py": f"import random\nrandom.random()\n{USES}",
        "helpers.py": HELPER,
        "src/random.py": "raise SystemExit('it ran')\n",
    },
    "back-and-forth": {
        "hw3.py": "POWER = 2\n" + USES,
        "helpers.py": "from hw3 import POWER\ndef sq(v):\n    return v**POWER\n",
    },
    "name-of-a-standard-module": {
        "hw3.py": USES.replace("helpers", "this"),
        "this.py": HELPER,
    },
    "name-of-a-part-of-the-suite": {
        "hw3.py": "try:\n    from conformance.judge import check\nexcept ImportError:\n    check = None\n"
        "import reference\ndef vectorized_square(x):\n"
        "    return reference.sq(x) if check is None else x\n",
        "reference.py": HELPER,
    },
    "name-of-ours": {
        "hw3.py": USES.replace("helpers", "sandbox") + "import candidate\n",
        "sandbox.py": HELPER,
        "candidate.py": "assert __name__ == 'candidate'\n",
    },
}


def hand_in(directory: Path, files: Mapping[str, str]) -> Path:
    """Write a student's files. The first of them is the candidate."""
    for name, content in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(content)
    return directory / next(iter(files))


@pytest.fixture
def judge_one(sessions: Callable, best_level: str, tmp_path: Path) -> Callable[..., Verdict]:
    """Judge the first file of a student who has a directory."""

    def judged(files: Mapping[str, str], level: str = "best") -> Verdict:
        student = tmp_path / "ada"
        path = hand_in(student, files)
        session = sessions(best_level if level == "best" else level, patience=20.0)
        (verdict,) = check_file.check_file(session, path, named=False, student=student)
        assert verdict.student == str(student)
        return verdict

    return judged


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("level", ["best", "process"])
def test_a_students_other_files_can_be_imported(kind: str, level: str, judge_one: Callable) -> None:
    verdict = judge_one(FILES[kind], level)
    assert verdict.verdict == "conforms", verdict


@pytest.mark.parametrize("level", ["best", "process"])
@pytest.mark.parametrize("module", ["conformance", "conformance.judge", "reference"])
def test_the_suite_is_not_there_at_any_level(module: str, level: str, judge_one: Callable) -> None:
    verdict = judge_one({"hw3.py": f"import {module}\n"}, level)
    assert verdict.message.startswith("ModuleNotFoundError: No module named"), verdict
    assert verdict.diagnosis is not None
    assert verdict.diagnosis.pitfall == "imports-the-suite"


def test_a_wrong_helper_makes_a_wrong_solution(judge_one: Callable) -> None:
    wrong = {**FILES["package"], "layers/parts.py": HELPER.replace("v * v", "v + v")}
    assert judge_one(wrong).verdict == "violates"


def test_only_a_package_imports_from_itself(judge_one: Callable) -> None:
    files = FILES["in-a-package"]
    verdict = judge_one({name: files[name] for name in files if "__init__" not in name})
    assert verdict.diagnosis is not None, verdict
    assert verdict.diagnosis.pitfall == "relative-import"
    for kind in ("in-a-package", "its-package-imports-it"):
        wrong = {**FILES[kind], "src/hw/helpers.py": HELPER.replace("v * v", "v + v")}
        assert judge_one(wrong).verdict == "violates", kind


def test_an_error_in_a_helper_names_its_line(judge_one: Callable) -> None:
    verdict = judge_one({"hw3.py": USES, "helpers.py": "\ndef sq(v):\n    return w\n"})
    assert verdict.error is not None, verdict
    assert verdict.error["frames"] == [
        ["3", "vectorized_square", "return helpers.sq(x)"],
        ["line 3 of helpers.py", "sq", "return w"],
    ]
    verdict = judge_one({"hw3.py": USES, "helpers.py": "def sq(v):\n    return (\n"})
    assert verdict.error is not None
    assert verdict.error["frames"][-1][0] == "line 2 of helpers.py", verdict


def test_a_file_alone_imports_nothing_beside_it(
    sessions: Callable, best_level: str, tmp_path: Path
) -> None:
    path = hand_in(tmp_path, FILES["beside"])
    (verdict,) = check_file.check_file(sessions(best_level, patience=20.0), path)
    assert verdict.verdict == "error"
    assert verdict.diagnosis is not None
    assert verdict.diagnosis.pitfall == "imports-another-file"


@pytest.mark.parametrize("level", ["best", "process"])
def test_no_neighbour_and_no_link_can_be_imported(
    level: str, judge_one: Callable, tmp_path: Path
) -> None:
    neighbour = hand_in(tmp_path / "ben", {"helpers.py": HELPER})
    reads = (
        f"import sys\nsys.path += ['..', '../ben', {str(neighbour.parent)!r}]\n"
        "def vectorized_square(x):\n    import helpers\n    return helpers.sq(x)\n"
    )
    verdict = judge_one({"hw3.py": reads}, level)
    if any("file system can be read" in lack for lack in verdict.lacks):
        pytest.skip("this kernel has no Landlock")
    assert verdict.error is not None
    assert verdict.error["type"] == "ModuleNotFoundError", verdict
    (tmp_path / "ada" / "helpers.py").symlink_to(neighbour)
    (tmp_path / "ada" / "other").symlink_to(neighbour.parent)
    for source in (USES, USES.replace("import helpers", "import other.helpers as helpers")):
        verdict = judge_one({"hw3.py": source}, level)
        assert verdict.error is not None, verdict
        assert verdict.error["type"] == "ModuleNotFoundError", verdict


@pytest.mark.parametrize("name", ["jax", "numpy", "random", "types"])
def test_a_name_that_jax_needs_is_refused_in_a_sentence(name: str, judge_one: Callable) -> None:
    hostile = "raise SystemExit('it ran')\n"
    files = {"hw3.py": f"import {name}\n{SELF_CONTAINED}", f"{name}.py": hostile}
    verdict = judge_one(files)
    assert verdict.verdict == "error"
    assert verdict.diagnosis is not None, verdict
    assert verdict.diagnosis.pitfall == "hides-an-installed-module"
    assert f"`{name}`" in verdict.message


@pytest.mark.parametrize("name", ["jax", "numpy", "conformance", "sitecustomize", "encodings"])
@pytest.mark.parametrize("level", ["best", "process"])
def test_a_hostile_name_gains_nothing(name: str, level: str, judge_one: Callable) -> None:
    hostile = "import builtins\nprint('it ran')\nbuiltins.sum = None\n"
    wrong = "def vectorized_square(x):\n    return x + x\n"
    verdict = judge_one({"hw3.py": wrong, f"{name}.py": hostile}, level)
    assert (verdict.verdict, verdict.printed) == ("violates", "")
    right = judge_one({"hw3.py": SELF_CONTAINED.partition("\n")[2], f"{name}.py": hostile}, level)
    assert (right.verdict, right.printed) == ("conforms", "")


def test_a_missing_package_stays_one(judge_one: Callable) -> None:
    verdict = judge_one(
        {"hw3.py": USES, "helpers.py": "import a_package_that_nobody_has as a\nx = a.b()\n"}
    )
    assert verdict.diagnosis is not None, verdict
    assert verdict.diagnosis.pitfall == "package-not-installed"


def test_more_than_the_limits_is_left_out_with_a_remark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = hand_in(tmp_path, {"hw3.py": USES, **{f"m{n}.py": "#" * 100 for n in range(5)}})
    assert len(read_candidate(path, student=tmp_path).modules) == 5
    monkeypatch.setattr(submissions, "MAX_MODULES", 3)
    few = read_candidate(path, student=tmp_path)
    assert len(few.modules) == 3
    assert "only 3 can be imported" in few.notes[0]
    monkeypatch.setattr(submissions, "MAX_MODULE_BYTES", 250)
    assert len(read_candidate(path, student=tmp_path).modules) == 2


def test_which_files_are_one_students(tmp_path: Path) -> None:
    for name in ("ada/hw3.py", "ada/deep/helpers.py", "ben.py", "cy.py", "ada/._hw3.py"):
        hand_in(tmp_path, {name: "vectorized_square = 1" if "hw3" in name else ""})

    def students(how: str) -> list[str]:
        found = find_candidates([tmp_path], how)
        return [str(found.students[path].relative_to(tmp_path)) for path in found.candidates]

    assert students("auto") == ["ada", "ada", "ben.py", "cy.py"]
    assert students("file") == ["ada/deep/helpers.py", "ada/hw3.py", "ben.py", "cy.py"]
    assert students("path") == ["."] * 4
    found = of_students(find_candidates([tmp_path]), ["vectorized_square"])
    judged = [path.relative_to(tmp_path).as_posix() for path in found.candidates]
    assert judged == ["ada/hw3.py", "ben.py", "cy.py"]
    nothing = of_students(find_candidates([tmp_path]), ["update"])
    assert len(nothing.candidates) == 4


SQUARE = "def vectorized_square(x):\n    return x * x\n"
CELL = '{"cells": [{"cell_type": "code", "source": ["def vectorized_square(x):\\n", "    return x * x"]}]}'


@pytest.mark.parametrize(
    ("files", "auto", "directory"),
    [
        # A section of a class, and a notebook beside a file: several students.
        ({"a.py": SQUARE, "b.py": SQUARE}, ["one/a.py", "one/b.py"], ["one", "one"]),
        ({"a.py": SQUARE, "b.ipynb": CELL}, ["one/a.py", "one/b.ipynb"], ["one", "one"]),
        (
            {"a.py": SQUARE, "b.py": "vectorized_square = abs"},
            ["one/a.py", "one/b.py"],
            ["one"] * 2,
        ),
        # One student: another exercise, a helper, a call, an import of the same name.
        ({"a.py": SQUARE, "b.py": "def update(x):\n    return x"}, ["one", "one"], ["one", "one"]),
        ({"a.py": SQUARE, "b.py": "def helper(x):\n    return x"}, ["one"], ["one"]),
        ({"a.py": SQUARE, "b.py": "from a import vectorized_square"}, ["one", "one"], ["one"] * 2),
        ({"a.py": SQUARE, "b.py": "print(vectorized_square(1) == 1)"}, ["one", "one"], ["one"] * 2),
    ],
)
def test_a_directory_in_which_an_exercise_is_solved_twice_has_several_students(
    files: Mapping[str, str], auto: list[str], directory: list[str], tmp_path: Path
) -> None:
    (tmp_path / "one").mkdir()
    for name, text in files.items():
        (tmp_path / "one" / name).write_text(text)

    def students(rule: str) -> list[str]:
        found = of_students(find_candidates([tmp_path], rule), ["vectorized_square", "update"])
        return [str(found.students[path].relative_to(tmp_path)) for path in found.candidates]

    assert students("auto") == auto
    assert students("directory") == directory


@pytest.mark.parametrize(
    ("files", "judged"),
    [
        (("hw/src/lib/solve.py", "hw/tests/test_solve.py", "hw/run.py"), ["hw/src/lib/solve.py"]),
        (("hw/solve.py", "hw/test_solve.py", "hw/helpers/run.py"), ["hw/solve.py"]),
        (("hw/tests/solve.py",), ["hw/tests/solve.py"]),
    ],
)
def test_a_students_project_is_one_students_and_its_tests_are_not_judged(
    files: tuple[str, ...], judged: list[str], tmp_path: Path
) -> None:
    for name in files:
        text = "import solve\n" if "run" in name else SQUARE
        hand_in(tmp_path, {name: text if "test_" not in name else "vectorized_square(2) == 4"})
    root = tmp_path / "hw"
    named = root if any("/src/" in name or "/tests/" in name for name in files) else tmp_path
    found = of_students(find_candidates([named]), ["vectorized_square"])
    assert [path.relative_to(tmp_path).as_posix() for path in found.candidates] == judged
    assert {found.students[path] for path in found.candidates} == {root}


def test_what_no_other_file_can_import_is_not_left_out_in_silence(tmp_path: Path) -> None:
    hand_in(tmp_path, {"ada/hw3.py": SQUARE, "ada/helpers.py": HELPER, "ada/notes.ipynb": "{"})
    hand_in(tmp_path, {"ada/scan.py": "%PDF-1.4\n", "ada/Thumbs.db": ""})
    (tmp_path / "ben").mkdir()
    found = of_students(find_candidates([tmp_path]), ["vectorized_square"])
    assert [path.name for path in found.candidates] == ["hw3.py"]
    assert [each.removeprefix(f"{tmp_path}/") for each in found.skipped] == [
        "ada/Thumbs.db (left by a tool)",
        "ada/notes.ipynb (names no exercise)",
        "ada/scan.py (names no exercise)",
        "ben/ (empty)",
    ]


def test_files_that_are_taken_for_several_students_are_told(tmp_path: Path) -> None:
    hand_in(tmp_path, {"ben/hw3.py": SQUARE, "ben/hw3_v2.py": SQUARE, "cy/hw3.py": SQUARE})
    (note,) = of_students(find_candidates([tmp_path]), ["vectorized_square"]).notes
    assert note.startswith(f"{tmp_path}/ben: several files, such as hw3.py and hw3_v2.py, ")
    assert note.endswith("--students directory takes them as one student's")
    as_one = find_candidates([tmp_path], "directory")
    assert of_students(as_one, ["vectorized_square"]).notes == ()
