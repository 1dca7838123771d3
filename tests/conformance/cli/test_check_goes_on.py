"""`check` goes on after a file that the judge's own code fails on, and says which that was."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.cli import check_files, check_watch
from conformance.judge.errors import JudgeFailure

RIGHT = "def vectorized_square(x):\n    return x * x\n"
FAILING = """
from conformance.judge import check_file
judged = check_file.check_file
check_file.check_file = lambda s, path, **of: 1 / 0 if path.name == "b.py" else judged(s, path, **of)
from conformance.cli.app import main
main()
"""


def test_the_others_have_their_marks_and_the_run_could_not_judge_all(tmp_path: Path) -> None:
    for name in ("a.py", "b.py", "c.py"):
        (tmp_path / name).write_text(RIGHT)
    marks = tmp_path / "marks.csv"
    command = [sys.executable, "-c", FAILING, "check", str(tmp_path), "--csv", str(marks)]
    got = subprocess.run(command, capture_output=True, text=True, check=False)
    assert got.returncode == 3
    assert "could not judge" in got.stderr
    assert "b.py: ZeroDivisionError: division by zero (a fault of the judge's" in got.stderr
    assert "Traceback" not in got.stderr
    rows = marks.read_text().splitlines()[1:]
    assert [Path(row.split(",")[0]).name for row in rows] == ["a.py", "c.py"]


def test_a_file_that_our_own_code_fails_on_ends_nothing_for_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def check_file(session: Any, path: Path, **given: Any) -> list[Any]:
        if path.name == "b\n.py":
            raise TypeError("no\nsuch thing")
        return [path.name]

    monkeypatch.setattr("conformance.judge.check_file.check_file", check_file)
    paths = [Path("a.py"), Path("b\n.py"), Path("c.py")]
    found: Any = SimpleNamespace(candidates=paths, students={path: path for path in paths})
    shown: list[Any] = []
    session: Any = None
    (said,) = check_files.judge_all(session, (), found, 2, SimpleNamespace(show=shown.extend))  # type: ignore[arg-type]
    assert shown == ["a.py", "c.py"]
    assert said == "b .py: TypeError: no such thing (a fault of the judge's, to be reported)"


def test_a_machine_that_cannot_judge_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def check_file(session: Any, path: Path, **given: Any) -> list[Any]:
        raise JudgeFailure("no worker can be had")

    monkeypatch.setattr("conformance.judge.check_file.check_file", check_file)
    path = Path("a.py")
    found: Any = SimpleNamespace(candidates=[path], students={path: path})
    nothing: Any = None
    with pytest.raises(JudgeFailure):
        check_files.judge_all(nothing, (), found, 2, nothing)


def test_a_watch_goes_on_after_a_file_that_our_own_code_fails_on(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("def vectorized_square(x):\n    return x * x\n")
        os.utime(tmp_path / name, (1, 1))
    ended, shown = threading.Event(), []

    def judge(path: Path, student: Path) -> list[Any]:
        if path.name == "a.py":
            raise TypeError("no such thing")
        return [path.name]

    def show(path: Path, verdicts: list[Any]) -> None:
        shown.extend(verdicts)
        ended.set()

    output: Any = SimpleNamespace(show_file=show, see=lambda found: False, write=lambda: None)
    arrivals = check_watch.Arrivals((tmp_path,), "file", ["vectorized_square"])
    (said,) = check_watch.watch(arrivals, 1, judge, output, ended)
    assert shown == ["b.py"]
    assert f"could not judge {said}" in capsys.readouterr().err
