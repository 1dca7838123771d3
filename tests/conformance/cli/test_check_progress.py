"""The line that says how far `check` is."""

import io
import sys

import pytest

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
    progress.step()
    assert "1 of 3 files in 0 s, about 0 s left" in shown.getvalue()
    progress.hide()
    progress.step()
    progress.hide()
    progress.step()
    assert "3 of 3" not in shown.getvalue()
    assert shown.getvalue().endswith("\r\x1b[K")


def test_elsewhere_nothing_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    progress = FileProgress(3)
    progress.step()
    assert shown.getvalue() == ""
    monkeypatch.setattr("conformance.cli.check_progress.EVERY", 0.0)
    progress.step()
    assert shown.getvalue() == "2 of 3 files in 0 s, about 0 s left\n"
