"""Files that a command writes: what cannot be written is said before the work, and work is not lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from conformance.cli import upgrade

BETWEEN = ("--from", "installed", "--to", "jax")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "--html", "nowhere/page.html"), "nowhere/page.html cannot be written: No such"),
        (("run", "--junit", "file/x.xml"), "file/x.xml cannot be written: Not a directory"),
        (("run", "--log", "file/log.jsonl"), "the log file/log.jsonl cannot be written"),
        (("upgrade", *BETWEEN, "--log", "file/log.jsonl"), "the log file/log.jsonl cannot be writ"),
        (("upgrade", *BETWEEN, "--markdown", "nowhere/a.md"), "nowhere/a.md cannot be written"),
        (("mutants", "--markdown", "nowhere/a.md"), "nowhere/a.md cannot be written"),
    ],
)
def test_a_file_that_cannot_be_written_is_said_before_minutes_of_work(
    main: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    ran = main(*arguments)
    assert (ran.status, ran.out) == (3, "")
    assert ran.err.startswith(f"Error: {said}")


def test_an_upgrades_log_that_the_disk_does_not_take_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(
        click.ClickException, match=r"No space left on device; it is kept in "
    ) as said:
        upgrade._write_log(Path("/dev/full"), "the log")
    assert Path(str(said.value).rpartition(" ")[2]).read_text() == "the log"
