"""`--marks` and the files of views, from the command line and from `report` of the log."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SQUARE = "def vectorized_square(x):\n    return x * x\n"
MARKS = "[exercises.vectorized_square]\npoints = 2\n[exercises.vectorized_add]\npoints = 3\n"


def command(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    code = "from conformance.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize(
    ("content", "more", "says"),
    [
        ("[exercises.vectorized_square]\npoint = 2", [], "unknown field `point`"),
        ("[exercises", [], "is not TOML"),
        (
            "[exercises.vectorised_square]",
            [],
            "there is no exercise 'vectorised_square': did you mean 'vectorized_square'",
        ),
        (MARKS, ["--require", "vectorized_add"], "leave out --exercise and --require"),
        (MARKS, ["--html", "good.py"], "good.py"),
        (MARKS, ["--gradescope", "good.py"], "which it would overwrite"),
    ],
)
def test_wrong_use_is_said_in_a_line(
    content: str, more: list[str], says: str, tmp_path: Path
) -> None:
    (tmp_path / "good.py").write_text(SQUARE)
    (tmp_path / "exercises.toml").write_text(content)
    done = command("check", "good.py", "--marks", "exercises.toml", *more, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert (tmp_path / "good.py").read_text() == SQUARE


def test_report_knows_what_was_required_and_what_was_not_judged(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "good.py").write_text(SQUARE)
    (tmp_path / "in" / "notes\x1b[31m.txt").write_text("")
    given = ["--require", "vectorized_square,vectorized_add", "--examples", 8, "--log", "log.jsonl"]
    views = ["--csv", "m.csv", "--html", "pages", "--format", "json"]
    first = command("check", "in", *given, *views, cwd=tmp_path)
    assert first.returncode == 1, first.stderr
    written = (tmp_path / "m.csv").read_text()
    assert "vectorized_add" in written
    assert "not judged" not in written
    assert [row["file"] for row in csv.DictReader(written.splitlines())] == ["in/good.py"]
    assert (
        "notes" in (tmp_path / "pages" / "index.html").read_text()
    )  # the control: it is said there
    again = command("report", "log.jsonl", *views, cwd=tmp_path)
    assert again.returncode == 1, again.stderr
    assert (tmp_path / "m.csv").read_text() == written
    one, other = json.loads(first.stdout), json.loads(again.stdout)
    assert one["marks"] == other["marks"]
    assert one["marks"]["possible"] == 2
    assert one["marks"]["files"][0]["points"] == 1
    assert one["judging"] == other["judging"]
    assert other["judging"]["not_judged"] == ["in/notes\\x1b[31m.txt (no .py or .ipynb)"]
    shown = command("report", "log.jsonl", cwd=tmp_path)
    assert "not judged: 1 entry" in shown.stdout
    assert "\x1b" not in shown.stdout


def test_check_and_report_write_the_same_views(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "good.py").write_text(SQUARE)
    (tmp_path / "in" / "part.py").write_text(
        "def vectorized_square(x):\n    return x * x + (len(x) == 1)\n"
    )
    (tmp_path / "exercises.toml").write_text(f"partial = 'shapes'\n{MARKS}")
    views = ["--marks", "exercises.toml", "--csv", "m.csv", "--junit", "j.xml", "--html", "pages"]
    views += ["--gradescope", "results.json"]
    given = ("check", "in", "--examples", 16, "--log", "log.jsonl", *views)
    done = command(*given, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "2 of 5" in done.stdout
    assert "1.75 of 5" in done.stdout
    names = ["m.csv", "j.xml", "results.json", "pages/index.html"]
    first = {name: (tmp_path / name).read_text() for name in names}
    rows = list(csv.DictReader(first["m.csv"].splitlines()))
    assert [row["points"] for row in rows] == ["2", "1.75"]
    assert [test["score"] for test in json.loads(first["results.json"])["tests"]] == [2.0, 0.0]
    again = command("report", "log.jsonl", *views, cwd=tmp_path)
    assert again.returncode == 1, again.stderr
    assert {name: (tmp_path / name).read_text() for name in names} == first
    as_json = command("report", "log.jsonl", *views, "--format", "json", cwd=tmp_path)
    marks = json.loads(as_json.stdout)["marks"]
    assert marks["possible"] == 5
    assert [each["points"] for each in marks["files"]] == [2, 1.75]
    whole = command("report", "log.jsonl", "-v", cwd=tmp_path)
    assert "counterexample" in whole.stdout
    for option, says in (("--markdown", "has no --markdown"), ("--html", "need a directory")):
        (tmp_path / "file").write_text("")
        wrong = command("report", "log.jsonl", option, "file", cwd=tmp_path)
        assert wrong.returncode == 2
        assert says in wrong.stderr


@pytest.mark.parametrize(
    ("views", "status", "said"),
    [
        (
            ["--csv", "nowhere/m.csv"],
            3,
            "nowhere/m.csv cannot be written: No such file or directory",
        ),
        (["--junit", "nowhere/v.xml"], 3, "nowhere/v.xml cannot be written"),
        (["--csv", "mine.csv"], 2, "mine.csv exists and is no table of marks"),
        (["--csv", "other.csv"], 2, "other.csv exists and is no table of marks"),
        (["--html", "good.py/pages"], 3, "cannot be written: Not a directory"),
        (["--html", "mine"], 2, "has an index.html that was not written here"),
    ],
)
def test_what_cannot_be_written_is_said_before_anything_is_judged(
    tmp_path: Path, views: list[str], status: int, said: str
) -> None:
    (tmp_path / "good.py").write_text(SQUARE)
    (tmp_path / "mine.csv").write_text("ann,5\n")
    (tmp_path / "other.csv").write_text("file,size\nann.py,5\n")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "index.html").write_text("<p>my own</p>")
    done = command("check", "good.py", *views, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert (tmp_path / "mine.csv").read_text() == "ann,5\n"


def test_what_was_written_is_named_and_written_over(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(SQUARE)
    given = ["--examples", 8, "--csv", "m.csv", "--html", "deep/pages"]
    for _ in range(2):
        done = command("check", "good.py", *given, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "written: deep/pages/index.html, m.csv" in done.stderr


def test_one_students_pages_do_not_replace_those_of_the_class(tmp_path: Path) -> None:
    for name in ("ann", "bob", "cat"):
        (tmp_path / "in" / name).mkdir(parents=True)
        (tmp_path / "in" / name / "hw.py").write_text(SQUARE)
    views = ["--examples", 8, "--html", "pages", "--log", "log.jsonl"]
    assert command("check", "in", *views, cwd=tmp_path).returncode == 0
    pages = {path: path.read_text() for path in (tmp_path / "pages").rglob("*.html")}
    assert len(pages) == 4
    for given, others in (
        (["in/bob"], 2),
        (["in/bob", "--students", "path"], 2),
        (["in/bob/hw.py"], 3),
    ):
        done = command("check", *given, *views, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert (
            f"has pages of {others} students who are not judged now, such as in/ann" in done.stderr
        )
        assert {path: path.read_text() for path in (tmp_path / "pages").rglob("*.html")} == pages
    alone = ["--examples", 8, "--html", "bob", "--log", "bob.jsonl"]
    assert command("check", "in/bob", *alone, cwd=tmp_path).returncode == 0
    done = command("report", "bob.jsonl", "--html", "pages", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    # The controls: the same log, and the class without a student who is gone.
    assert command("report", "log.jsonl", "--html", "pages", cwd=tmp_path).returncode == 0
    shutil.rmtree(tmp_path / "in" / "bob")
    assert command("check", "in", *views, cwd=tmp_path).returncode == 0
    assert len(list((tmp_path / "pages" / "students").iterdir())) == 2


def test_a_pipe_is_written_to_and_not_read_first(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(SQUARE)
    code = "from conformance.cli import main; main()"
    line = (
        f"{sys.executable} -c '{code}' check good.py --examples 8 --csv >(cat >m.csv; echo >done)"
    )
    # The shell does not wait for what is in `>(...)`.
    done = subprocess.run(
        ["bash", "-c", f"{line}; status=$?; while [ ! -e done ]; do sleep 0.1; done; exit $status"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "m.csv").read_text().startswith("file,vectorized_square,conforming")


def test_report_does_not_overwrite_what_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(SQUARE)
    judged = command("check", "good.py", "--examples", 8, "--log", "log.jsonl", cwd=tmp_path)
    assert judged.returncode == 0, judged.stderr
    (tmp_path / "mine.csv").write_text("file,size\n")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "index.html").write_text("<p>my own</p>")
    for option, name in (("--csv", "mine.csv"), ("--html", "mine")):
        done = command("report", "log.jsonl", option, name, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert name in done.stderr
    assert (tmp_path / "mine.csv").read_text() == "file,size\n"
    assert (tmp_path / "mine" / "index.html").read_text() == "<p>my own</p>"


def test_a_class_of_directories_has_a_row_for_each_student(tmp_path: Path) -> None:
    wrong = SQUARE.replace("x * x", "x + x")
    files = {
        "ada/hw3.py": f"from helpers import *\n{SQUARE}",
        "ada/helpers.py": "def unused():\n    return 1\n",
        "ada/old.py": wrong,
        "ben/hw3.py": wrong,
        "ben/helpers.py": "",
    }
    for name, content in files.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text(content)
    views = ["--csv", "m.csv", "--html", "pages", "--junit", "j.xml"]
    given = ["check", "in", "--exercise", "vectorized_square", "--examples", 8, "--log", "l.jsonl"]
    given += ["--students", "directory"]
    done = command(*given, *views, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "helpers.py" not in done.stdout
    assert "old.py" not in done.stdout
    said = [line.split() for line in done.stdout.partition("\nmarks\n")[2].splitlines()]
    wanted = [["in/ada", "1", "of", "1", "right"], ["in/ben", "0", "of", "1", "right"]]
    assert said[:2] == wanted
    first = {name: (tmp_path / name).read_text() for name in ("m.csv", "pages/index.html", "j.xml")}
    rows = list(csv.DictReader(first["m.csv"].splitlines()))
    assert [(row["student"], row["conforming"]) for row in rows] == [
        ("in/ada", "1"),
        ("in/ben", "0"),
    ]
    assert len(list((tmp_path / "pages" / "students").iterdir())) == 2
    log = (tmp_path / "l.jsonl").read_text()
    assert "old.py" in log
    again = command("report", "l.jsonl", *views, cwd=tmp_path)
    assert again.returncode == 1
    assert {name: (tmp_path / name).read_text() for name in first} == first
    verbose = command(*given, "-v", cwd=tmp_path)
    assert "in/ada/old.py: vectorized_square" in verbose.stdout
    (tmp_path / "in" / "ben" / "hw3.py").write_text(SQUARE)
    whole = command(*given, cwd=tmp_path)  # the control: what counts conforms
    assert whole.returncode == 0, whole.stdout
    alone = command(*given, "--students", "file", cwd=tmp_path)
    assert alone.returncode == 1
    assert "in/ada/old.py: vectorized_square" in alone.stdout


def test_quiet_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(SQUARE)
    (tmp_path / "b.py").write_text(SQUARE.replace("x * x", "x + x"))
    done = command("check", "a.py", "b.py", "-q", "--examples", 8, "--csv", "m.csv", cwd=tmp_path)
    assert (done.returncode, done.stdout.partition(" in ")[0]) == (1, "1 conforms, 1 violates")
    assert len(done.stdout.splitlines()) == 1
    assert (tmp_path / "m.csv").read_text().count("\n") == 3
    for other, says in (("-v", "contradict"), ("--format=json", "is the whole")):
        done = command("check", "a.py", "-q", other, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert says in done.stderr
