"""Exit codes: 1 means that something does not conform; whatever goes wrong is one line and 2 or 3."""

import errno
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from conformance.cli import errors
from tests.conformance.conftest import MAIN

HOLDS = {
    "law": "mapping.equals-per-example",
    "transform": "jax.vmap",
    "subject": "square",
    "outcome": "holds",
}


def raising(error: BaseException) -> Callable[[], int]:
    def run() -> int:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (click.UsageError("no such\noption"), 2, "Error: no such option"),
        (click.ClickException("could not build"), 3, "Error: could not build"),
        (click.exceptions.Abort(), 3, "Stopped."),
        (KeyboardInterrupt(), 3, "Stopped."),
        (
            ValueError("odd\x1b[31m"),
            3,
            "Error: internal error: ValueError: odd\\x1b[31m. Please report",
        ),
        (RecursionError("too deep"), 3, "Error: internal error: RecursionError: too deep"),
        (PermissionError(errno.EACCES, "Denied"), 3, "Error: internal error: PermissionError"),
        (MemoryError(), 3, "Error: internal error: MemoryError"),
    ],
)
def test_every_error_is_one_line_and_never_one(
    capsys: pytest.CaptureFixture[str], error: BaseException, status: int, words: str
) -> None:
    assert errors.exit_status(raising(error)) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(words)


def test_an_internal_error_keeps_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    errors.exit_status(raising(ZeroDivisionError("by zero")))
    found = re.search(r"with the traceback in (\S+)$", capsys.readouterr().err.strip())
    assert found is not None
    saved = Path(found[1])
    text = saved.read_text()
    saved.unlink()
    assert "Traceback (most recent call last)" in text
    assert "ZeroDivisionError: by zero" in text


@pytest.mark.parametrize("status", [0, 1, 2, 3])
def test_a_command_s_own_status_stays(status: int) -> None:
    assert errors.exit_status(lambda: status) == status
    assert errors.exit_status(raising(click.exceptions.Exit(status))) == status


@pytest.mark.parametrize("code", [0, 1, None, "words"])
def test_code_under_test_does_not_decide_the_status(
    code: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert errors.exit_status(raising(SystemExit(code))) == errors.NOT_RUN
    assert errors.exit_status(lambda: os._exit(0)) == errors.NOT_RUN
    err = capsys.readouterr().err
    assert err.count("Error: the code under test ended the process: ") == 2
    assert "os._exit(0) was called" in err


def test_unicode_that_the_output_cannot_encode_is_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))

    def run() -> int:
        print("größe ✓")
        return 0

    assert errors.exit_status(run) == 0
    assert raw.getvalue() == b"gr\\xf6\\xdfe \\u2713\n"


def started(arguments: list[Any], stdout: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(params=["--help", "list", "report"])
def arguments(request: pytest.FixtureRequest, written: Callable[..., Path]) -> list[Any]:
    more = {"--help": [], "list": ["defects"], "report": [written(HOLDS)]}
    return [request.param, *more[request.param]]


def test_a_full_disk_is_three_in_one_line(arguments: list[Any]) -> None:
    with open("/dev/full", "w") as full:
        process = started(arguments, full)
        _, err = process.communicate(timeout=120)
    assert (process.returncode, err.splitlines()) == (
        3,
        ["Error: the output cannot be written: No space left on device"],
    )


def test_a_closed_pipe_is_three_in_one_line(arguments: list[Any]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = started(arguments, writer)
    os.close(writer)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err.splitlines()) == (
        3,
        ["Error: the output was closed before its end"],
    )
