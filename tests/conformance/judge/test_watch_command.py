"""`check --watch`: files are judged as they come and as they change, and Ctrl-C ends it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conformance.cli.check_watch import SETTLED, Arrivals

ROOT = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, "-m", "conformance.cli.check"]
RIGHT = "def vectorized_square(x):\n    return x * x\n"
WRONG = "def vectorized_square(x):\n    return x\n"
PLACES = 'PLACES = ("/tmp", "/dev/shm", "/var/tmp", "/candidate", ".")\n'
LEAVES_FILES = f"""\
import contextlib, os
{PLACES}
for place in PLACES:
    with contextlib.suppress(OSError):
        open(os.path.join(place, "left-by-a-candidate"), "w").close()
assert os.path.exists("left-by-a-candidate")
{RIGHT}"""
FINDS_NONE = f"""\
import os
{PLACES}
assert not any(os.path.exists(os.path.join(place, "left-by-a-candidate")) for place in PLACES)
{RIGHT}"""


class Watcher:
    """A running `check --watch` of the directory `in`, and what it has printed."""

    def __init__(self, place: Path, *arguments: str, under: tuple[str, ...] = ()) -> None:
        self.place = place
        self._output = (place / "output.txt").open("w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [*under, *COMMAND, "in", "--watch", "--examples", "16", "--seed", "3", *arguments],
            cwd=place,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def output(self) -> str:
        return (self.place / "output.txt").read_text(encoding="utf-8")

    def wait_for(self, condition: Callable[[], bool], seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.output()
            assert time.monotonic() < deadline, self.output()
            time.sleep(0.02)

    def wait_for_text(self, text: str) -> None:
        self.wait_for(lambda: text in self.output())

    def end(self, number: int = signal.SIGINT) -> float:
        """Ask it to end. Seconds until it has."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(30)
        return time.monotonic() - began

    def close(self) -> None:
        try:
            self.end()
        finally:
            self.process.kill()
        self._output.close()


@pytest.fixture
def watcher(tmp_path: Path) -> Iterator[Callable[..., Watcher]]:
    started: list[Watcher] = []

    def start(*arguments: str, under: tuple[str, ...] = ()) -> Watcher:
        (tmp_path / "in").mkdir(exist_ok=True)
        started.append(Watcher(tmp_path, *arguments, under=under))
        started[-1].wait_for_text("watching in")
        return started[-1]

    yield start
    for each in started:
        each.close()


def test_files_are_judged_as_they_come_and_again_when_they_change(
    watcher: Callable[..., Watcher], tmp_path: Path
) -> None:
    running = watcher("--csv", "marks.csv", "--html", "feedback", "--log", "log.jsonl")
    candidate = tmp_path / "in" / "hw.py"
    candidate.write_text(WRONG)
    running.wait_for_text("in/hw.py: vectorized_square  violates")
    (tmp_path / "new.py").write_text(RIGHT)
    (tmp_path / "new.py").rename(candidate)
    running.wait_for_text("in/hw.py: vectorized_square  conforms")
    # Everything is on the disk before the end, and of each file only what was said last.
    row = "in/hw.py,conforms,1,1"
    running.wait_for(lambda: row in (tmp_path / "marks.csv").read_text())
    events = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [event["type"] for event in events] == ["header", "verdict", "footer"]
    assert events[1]["verdict"] == "conforms"
    assert len(list((tmp_path / "feedback" / "students").iterdir())) == 1
    running.end()
    assert running.process.returncode == 0, running.output()
    assert "1 conforms in " in running.output()


def test_what_a_run_before_has_written_stays_until_there_is_more_to_say(
    watcher: Callable[..., Watcher], tmp_path: Path
) -> None:
    for name, source in (("ada", RIGHT), ("ben", WRONG), ("cy", RIGHT)):
        (tmp_path / "in" / name).mkdir(parents=True)
        (tmp_path / "in" / name / "hw.py").write_text(source)
    given = ("--csv", "marks.csv", "--html", "feedback", "--students", "directory")
    pages, marks = tmp_path / "feedback" / "students", tmp_path / "marks.csv"
    running = watcher(*given)
    running.wait_for(lambda: marks.exists() and len(list(pages.glob("*.html"))) == 3)
    running.end()
    (tmp_path / "in" / "ben" / "hw.py").write_text("while True: pass\n")
    before = marks.read_text()
    assert before.count("\nin/") == 3
    running = watcher(*given)
    running.wait_for_text("in/ada/hw.py: vectorized_square  conforms")
    assert len(list(pages.iterdir())) == 3  # ben's file hangs
    assert marks.read_text() == before
    running.end()  # cy was not judged: the page stays, for its student is there
    assert len(list(pages.iterdir())) == 3
    shutil.rmtree(tmp_path / "in" / "ben")
    running = watcher(*given)
    running.wait_for(lambda: [s in marks.read_text() for s in ("in/ben", "in/cy")] == [False, True])
    running.wait_for(lambda: {page.name[:6] for page in pages.iterdir()} == {"in-ada", "in-cy-"})
    shutil.rmtree(tmp_path / "in" / "cy")
    left = ("in/ada,conforms", "in/cy")
    running.wait_for(lambda: [s in marks.read_text() for s in left] == [True, False])
    running.wait_for(lambda: len(list(pages.iterdir())) == 1)


def test_nothing_of_one_candidate_reaches_the_next(
    watcher: Callable[..., Watcher], tmp_path: Path
) -> None:
    running = watcher("-n", "2")
    for name, source in (("first", LEAVES_FILES), ("second", FINDS_NONE)):
        (tmp_path / "in" / f"{name}.py").write_text(source)
        running.wait_for_text(f"in/{name}.py")
    assert running.output().count("vectorized_square  conforms") == 2, running.output()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_within_a_second_while_a_candidate_hangs(
    number: int, watcher: Callable[..., Watcher], tmp_path: Path
) -> None:
    running = watcher("--csv", "marks.csv", "-n", "2")
    (tmp_path / "in" / "wrong.py").write_text(WRONG)
    running.wait_for_text("in/wrong.py: vectorized_square  violates")
    started = tmp_path / "in" / "hangs.py"
    started.write_text("while True: pass\n")
    time.sleep(3 * SETTLED)
    seconds = running.end(number)
    assert seconds < (1 if os.getloadavg()[0] < (os.cpu_count() or 1) else 5)
    assert running.process.returncode == 1
    assert "in/wrong.py,violates" in (tmp_path / "marks.csv").read_text()
    assert "Traceback" not in running.output()


@pytest.mark.skipif(shutil.which("nohup") is None, reason="there is no nohup here")
def test_it_goes_on_under_nohup_when_its_terminal_is_closed(
    watcher: Callable[..., Watcher], tmp_path: Path
) -> None:
    running = watcher(under=("nohup",))
    (tmp_path / "in" / "first.py").write_text(RIGHT)
    running.wait_for_text("in/first.py: vectorized_square  conforms")
    running.process.send_signal(signal.SIGHUP)
    (tmp_path / "in" / "second.py").write_text(RIGHT)
    running.wait_for_text("in/second.py: vectorized_square  conforms")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["file.py", "--watch"], "--watch waits for files in a directory, which file.py is not"),
        (["in", "--watch", "--format", "json"], "--watch prints as it goes"),
    ],
)
def test_wrong_use_is_said_in_a_line(arguments: list[str], says: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "file.py").write_text(RIGHT)
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_half_written_file_waits_until_it_stays_as_it_is(tmp_path: Path) -> None:
    arrivals, path = Arrivals([tmp_path]), tmp_path / "hw.py"
    with path.open("w") as file:
        file.write("def vectorized_square(x):\n")
        file.flush()
        assert arrivals.look(0.0)[0] == []
        file.write("    return x")
        file.flush()
        assert arrivals.look(0.9 * SETTLED)[0] == []
        assert arrivals.look(1.8 * SETTLED)[0] == []  # it changed between the last two looks
    assert arrivals.look(2.0 * SETTLED)[0] == [path]
    assert arrivals.look(9.0)[0] == []


def test_a_file_that_changes_while_it_is_judged_is_judged_again(tmp_path: Path) -> None:
    arrivals, path = Arrivals([tmp_path]), tmp_path / "hw.py"
    path.write_text(RIGHT)
    arrivals.look(0.0)
    assert arrivals.look(1.0)[0] == [path]
    path.write_text(WRONG)
    assert arrivals.look(2.0, busy=[path])[0] == []
    assert arrivals.look(3.0, busy=[path])[0] == []
    assert arrivals.look(4.0)[0] == [path]


def test_a_file_is_judged_again_when_another_of_its_student_changes(tmp_path: Path) -> None:
    arrivals = Arrivals([tmp_path], "auto", ["vectorized_square"])
    for name in ("ada/hw.py", "ada/helpers.py", "ben/hw.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("" if "helpers" in name else RIGHT)
    arrivals.look(0.0)
    both = [tmp_path / "ada" / "hw.py", tmp_path / "ben" / "hw.py"]
    assert arrivals.look(1.0)[0] == both
    (tmp_path / "ada" / "helpers.py").write_text("SIZE = 1")
    arrivals.look(2.0)
    assert arrivals.look(3.0)[0] == both[:1]
    assert arrivals.look(4.0)[0] == []


def test_a_file_that_is_moved_in_does_not_wait(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    arrivals, path = Arrivals([tmp_path / "in"]), tmp_path / "hw.py"
    path.write_text(RIGHT)
    os.utime(path, (0, 0))
    assert arrivals.look(0.0)[0] == []
    path.rename(tmp_path / "in" / "hw.py")
    (tmp_path / "in" / "notes.txt").write_text("")
    ready, found = arrivals.look(0.1)
    assert ready == [tmp_path / "in" / "hw.py"]
    assert found.skipped == (f"{tmp_path}/in/notes.txt (no .py or .ipynb)",)


def test_a_directory_that_goes_away_and_comes_back_is_looked_at(tmp_path: Path) -> None:
    place = tmp_path / "in"
    arrivals = Arrivals([place])
    assert arrivals.look(0.0)[0] == []
    place.mkdir()
    (place / "hw.py").write_text(RIGHT)
    arrivals.look(1.0)
    assert arrivals.look(2.0)[0] == [place / "hw.py"]
    (place / "hw.py").rename(tmp_path / "hw.py")
    assert arrivals.look(3.0)[1].candidates == ()
    (tmp_path / "hw.py").rename(place / "hw.py")
    arrivals.look(4.0)
    assert arrivals.look(5.0)[0] == [place / "hw.py"]
