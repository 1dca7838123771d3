"""The line that says how far `check` is."""

import io
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.cli import check_files
from conformance.cli.check_progress import FileProgress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_count_and_time_left_and_the_last_line_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    progress = FileProgress(3)
    progress.hide()
    progress.judged(1)
    assert "1 of 3 files in 0 s, about 0 s left" in shown.getvalue()
    progress.hide()
    progress.judged(2)
    progress.hide()
    progress.judged(3)
    assert "3 of 3" not in shown.getvalue()
    assert shown.getvalue().endswith("\r\x1b[K")


def test_elsewhere_nothing_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    progress = FileProgress(3)
    progress.judged(1)
    assert shown.getvalue() == ""
    monkeypatch.setattr("conformance.cli.check_progress.EVERY", 0.0)
    progress.judged(2)
    assert shown.getvalue() == "2 of 3 files in 0 s, about 0 s left\n"


@pytest.mark.parametrize(("slow", "named"), [(0.0, True), (10.0, False)])
def test_the_file_that_is_waited_for_is_named_once_it_is_slow(
    slow: float, named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr("conformance.cli.check_progress.EVERY", 0.0)
    monkeypatch.setattr("conformance.cli.check_progress.SLOW", slow)
    FileProgress(3).judged(1, Path("sub/mia\n.py"))
    assert shown.getvalue().count("\n") == 1
    assert ("; sub/mia\\n.py takes 0 s so far" in shown.getvalue()) is named


@pytest.mark.parametrize(("slow", "said"), [(0.0, "sub/mia.py takes 0 s so far\n"), (10.0, "")])
def test_a_first_file_that_is_slow_is_named_too(
    slow: float, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr("conformance.cli.check_progress.EVERY", 0.0)
    monkeypatch.setattr("conformance.cli.check_progress.SLOW", slow)
    progress = FileProgress(1)
    progress.judged(0, Path("sub/mia.py"))
    progress.judged(1)
    progress.hide()
    assert shown.getvalue() == said


def test_files_are_counted_that_wait_for_a_slow_one_to_be_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def check_file(session: Any, path: Path, **given: Any) -> list[Any]:
        time.sleep(2.5 if path.name == "a.py" else 0.0)
        return []

    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr("conformance.judge.check_file.check_file", check_file)
    monkeypatch.setattr("conformance.cli.check_progress.EVERY", 0.0)
    paths = [Path(f"{name}.py") for name in "abcd"]
    found: Any = SimpleNamespace(candidates=paths, students={path: path for path in paths})
    output: Any = SimpleNamespace(show=lambda verdicts: None)
    session: Any = None
    check_files.judge_all(session, (), found, 2, output)
    assert shown.getvalue().startswith("3 of 4 files in 1 s")
