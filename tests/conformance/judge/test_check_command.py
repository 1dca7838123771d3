"""`check` from the command line: exit statuses, the event log, examples, a teacher's own exercise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from conformance.judge import check_file, server_process
from conformance.judge.sandbox import landlock
from conformance.judge.session import JudgeSession
from conformance.judge.submissions import find_candidates
from conformance.reporting.document import Document

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples" / "candidates"
SQUARE = "def vectorized_square(x):\n    return x * x\n"


def check(*arguments: object, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("JAX_", "XLA_"))}
    variables |= {"PYTHONPATH": str(ROOT), **settings}
    command = [sys.executable, "-m", "conformance.cli.check", *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=variables, capture_output=True, text=True, timeout=300
    )


def test_a_directory_of_candidates_ends_in_a_log_with_its_footer(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "good.py").write_text(SQUARE)
    (tmp_path / "in" / "bad.py").write_text("def vectorized_square(x):\n    return x\n")
    (tmp_path / "in" / "none.py").write_text("")
    (tmp_path / "in" / "notes.txt").write_text("not Python")
    done = check("in", "-n", 2, "--log", "log.jsonl", "--examples", 16, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "isolation: " in done.stdout
    assert "1 conforms, 1 missing, 1 violates" in done.stdout
    assert "a table of marks: --csv FILE" in done.stdout
    assert "not judged: 1 entry\n  in/notes.txt (no .py or .ipynb)" in done.stdout
    events = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [event["type"] for event in events] == ["header", *["verdict"] * 3, "footer"]
    assert len({event["cell"] for event in events}) == 1
    verdicts = {event["candidate"]: event for event in events[1:-1]}
    assert {k: v["verdict"] for k, v in verdicts.items()} == {
        "in/bad.py": "violates",
        "in/good.py": "conforms",
        "in/none.py": "missing",
    }
    assert verdicts["in/bad.py"]["counterexample"]["expected"]["dtype"] == "float32"
    assert events[-1]["counts"] == {"conforms": 1, "violates": 1, "missing": 1}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "log.jsonl"]


def test_json_is_one_document_of_the_schema(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "good.py").write_text(SQUARE)
    (tmp_path / "in" / "bad.py").write_text("def vectorized_square(x):\n    return x\n")
    (tmp_path / "in" / "notes.txt").write_text("not Python")
    done = check("in", "--examples", 8, "--seed", 3, "--format", "json", cwd=tmp_path)
    found = msgspec.json.decode(done.stdout, type=Document)
    assert (done.returncode, found.status) == (1, 1)
    verdicts = {each.candidate: each.verdict for each in found.verdicts}
    assert verdicts == {"in/bad.py": "violates", "in/good.py": "conforms"}
    assert found.judging is not None
    assert (found.judging.seed, found.judging.examples) == (3, 8)
    assert found.judging.not_judged == ["in/notes.txt (no .py or .ipynb)"]
    done = check("in/good.py", "--examples", 8, "--format", "json", cwd=tmp_path)
    assert (done.returncode, msgspec.json.decode(done.stdout, type=Document).status) == (0, 0)
    done = check("in", "--format", "json", "-v", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")


def test_the_exit_status_is_zero_when_all_conform(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(SQUARE)
    done = check("good.py", "--examples", 8, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_options_narrow_and_tighten(tmp_path: Path) -> None:
    """`--exercise` leaves the other function alone; `--strict` fails what else is remarked on."""
    source = (EXAMPLES / "plain_dense.py").read_text()
    (tmp_path / "both.py").write_text(source + "\n\ndef vectorized_square(x):\n    return x\n")
    narrowed = ["both.py", "--exercise", "nn_vmap_forward", "--examples", 8]
    done = check(*narrowed, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "remark: flax.linen.vmap was not called" in done.stdout
    assert "vectorized_square" not in done.stdout
    done = check(*narrowed, "--strict", cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "which --strict asks for" in done.stdout


def test_the_users_own_settings_of_jax_change_no_verdict(tmp_path: Path) -> None:
    settings = {"JAX_ENABLE_X64": "1", "JAX_DEFAULT_PRNG_IMPL": "rbg", "JAX_NUM_CPU_DEVICES": "3"}
    candidate = EXAMPLES / "shared_dense.py"
    done = check(candidate, "--examples", 16, cwd=tmp_path, **settings)
    assert done.returncode == 0, done.stdout + done.stderr


def test_packages_that_only_the_users_path_names_are_found(tmp_path: Path) -> None:
    """A server runs in an isolated Python, which looks neither there nor in a user's own site."""
    import flax

    (tmp_path / "good.py").write_text(SQUARE)
    places = [str(ROOT), str(Path(flax.__file__).parents[1])]
    command = [os.path.realpath(sys.executable), "-m", "conformance.cli.check", "good.py"]
    done = subprocess.run(
        [*command, "--examples", "8"],
        cwd=tmp_path,
        env={"PYTHONPATH": os.pathsep.join(places), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_file_that_is_refused_at_once_ends_in_order(tmp_path: Path) -> None:
    """The right answers are still being computed then."""
    (tmp_path / "cut.py").write_text("def nn_vmap_forward(\n")
    done = check("cut.py", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "SyntaxError" in done.stdout
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_log_that_cannot_be_written_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(SQUARE)
    for log, reason in (("/dev/full", "No space left"), ("good.py/log", "File exists")):
        done = check("good.py", "--examples", 8, "--log", log, cwd=tmp_path)
        assert done.returncode == 3, done.stdout + done.stderr
        assert f"the log {log} cannot be written: {reason}" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("part", ["draw", "reference"])
def test_an_exercise_that_fails_itself_is_said_in_a_line(part: str, tmp_path: Path) -> None:
    source = (ROOT / "examples" / "exercises" / "vectorized_norm.py").read_text()
    header = {"draw": "def draw(shape, random, turn):\n", "reference": "def reference(rows):\n"}[
        part
    ]
    assert header in source
    (tmp_path / "own.py").write_text(source.replace(header, header + "    1 / 0\n"))
    (tmp_path / "some.py").write_text("def vectorized_norm(rows):\n    return rows\n")
    done = check("some.py", "--exercise-file", "own.py", cwd=tmp_path)
    assert done.returncode == 3, done.stdout + done.stderr
    assert f"the {part} of the exercise vectorized_norm failed at" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.py"], "nowhere.py does not exist"),
        (["."], "no Python file or notebook"),
        ([], "Missing argument"),
        (["good.py", "--exercise", "no_such"], "there is no exercise 'no_such': did you mean"),
        (["good.py", "--exercise-file", "good.py"], "defines no EXERCISE"),
        (["good.py", "--exercise-file", "broken.py"], "cannot be loaded: ZeroDivisionError"),
        (["good.py", "--isolation", "none"], "none"),
        (["good.py", "--examples", "0"], "0"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_use_is_said_in_a_line_without_a_traceback(
    arguments: list[str], says: str, tmp_path: Path
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    if arguments != ["."]:
        (here / "good.py").write_text(SQUARE)
        (here / "broken.py").write_text("1 / 0\n")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = check(*arguments, cwd=here, TMPDIR=str(temporary))
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(temporary.iterdir())  # of a server and workers that were started meanwhile


def test_an_isolation_that_does_not_work_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from conformance.cli import errors
    from conformance.cli.check import check as command

    monkeypatch.setattr(server_process, "_start", lambda *arguments: (None, "not permitted here"))
    (tmp_path / "good.py").write_text(SQUARE)
    arguments = [str(tmp_path / "good.py"), "--isolation", "namespaces"]
    status = errors.exit_status(lambda: command.main(arguments, standalone_mode=False) or 0)
    assert status == 3
    said = capsys.readouterr().err
    assert "the isolation 'namespaces' does not work here: namespaces: not permitted here" in said


def test_auto_takes_the_next_best_level_and_says_why(
    monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    start = server_process._start

    def refusing(level: str, cache: Path | None, preload: bool) -> object:
        return (None, "not here") if level == "namespaces" else start(level, cache, preload)

    monkeypatch.setattr(server_process, "_start", refusing)
    server = server_process.start_server("auto")
    try:
        assert server.level == "process"
        assert "namespaces: not here" in server.lacks
        open_to_all = any("file system can be read" in lack for lack in server.lacks)
        assert open_to_all == (landlock.version() == 0)
    finally:
        server_process.stop_server(server)


def test_a_server_with_a_second_thread_forks_nobody(
    monkeypatch: pytest.MonkeyPatch, temporary: Path, tmp_path: Path
) -> None:
    """Each worker then comes from a server of its own, which has imported nothing."""
    from conformance.judge.exercises import load_exercises
    from conformance.judge.session import Options

    start = server_process._start

    def threaded(level: str, cache: Path | None, preload: bool) -> object:
        server, refusal = start(level, cache, preload)
        if server is not None and preload:
            server.threads = 2
        return server, refusal

    monkeypatch.setattr(server_process, "_start", threaded)
    server = server_process.start_server("auto")
    try:
        assert not server.preloaded
        assert server.threads == 1
        (tmp_path / "good.py").write_text(SQUARE)
        session = JudgeSession(server, load_exercises(), Options(examples=8, patience=30.0))
        (verdict,) = check_file.check_file(session, tmp_path / "good.py")
        assert verdict.verdict == "conforms", verdict
    finally:
        server_process.stop_server(server)


def test_a_server_that_was_brought_down_is_replaced(
    temporary: Path, tmp_path: Path, best_level: str
) -> None:
    from conformance.judge.exercises import load_exercises
    from conformance.judge.session import Options

    server = server_process.start_server()
    session = JudgeSession(server, load_exercises(), Options(examples=8, patience=30.0))
    try:
        (tmp_path / "good.py").write_text(SQUARE)
        server.process.kill()
        server.process.wait()
        (verdict,) = check_file.check_file(session, tmp_path / "good.py")
        assert verdict.verdict == "conforms", verdict
        assert session.server is not server
        assert session.server.level == best_level
    finally:
        server_process.stop_server(session.server)
    assert not list(temporary.glob(f"{server.base.name}*"))


VERDICTS = {
    "shared_dense.py": [("nn_vmap_forward", "conforms", None)],
    "plain_dense.py": [("nn_vmap_forward", "conforms", None)],
    "ensemble_instead.py": [("nn_vmap_forward", "violates", "ensemble-params")],
    "copies_of_params.py": [("nn_vmap_forward", "violates", "params-carry-batch-axis")],
    "features_first.py": [("nn_vmap_forward", "violates", "wrong-out-axes")],
    "replicated_params.py": [("parallel_update", "error", "shapes-do-not-fit")],
    "tutorial_right.py": [
        ("init_params", "conforms", None),
        ("loss_fn", "conforms", None),
        ("neural_network", "conforms", None),
        ("parallel_compute", "conforms", None),
        ("parallel_scale", "conforms", None),
        ("parallel_update", "conforms", None),
        ("update", "conforms", None),
        ("vectorized_linear_layer", "conforms", None),
        ("vectorized_square", "conforms", None),
    ],
    "tutorial_mistakes.py": [
        ("loss_fn", "violates", "summed-not-averaged"),
        ("neural_network", "conforms", None),
        ("parallel_compute", "error", "more-elements-than-devices"),
        ("parallel_scale", "error", "scalar-not-broadcast"),
        ("parallel_update", "violates", "gradient-not-averaged"),
        ("update", "error", "unhashable-static-argument"),
    ],
}


def test_every_example_candidate_has_its_verdict_here() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.suffix == ".py"} == set(VERDICTS)


@pytest.mark.parametrize("name", VERDICTS)
def test_an_example_gets_its_verdicts(name: str, sessions: Callable, best_level: str) -> None:
    found = check_file.check_file(sessions(best_level, patience=30.0), EXAMPLES / name)
    said = [
        (each.exercise, each.verdict, each.diagnosis and each.diagnosis.pitfall) for each in found
    ]
    assert said == VERDICTS[name]


def test_a_teachers_own_exercise_judges(tmp_path: Path) -> None:
    own = ROOT / "examples" / "exercises" / "vectorized_norm.py"
    norm = (
        "import jax.numpy as jnp\ndef vectorized_norm(rows):\n    return jnp.linalg.norm(rows{})\n"
    )
    (tmp_path / "good.py").write_text(norm.format(", axis=1"))
    (tmp_path / "bad.py").write_text(norm.format(", axis=0"))
    done = check("good.py", "bad.py", "--exercise-file", own, "--examples", 24, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "good.py: vectorized_norm  conforms" in done.stdout
    assert "diagnosis: wrong-in-axes" in done.stdout


def test_candidates_are_found_in_directories_once_and_sorted(tmp_path: Path) -> None:
    for name in ("b.py", "a.py", "deep/c.py", "__pycache__/d.py", ".git/e.py", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "odd.py").mkdir()
    (tmp_path / "around").symlink_to(tmp_path)
    found = find_candidates([tmp_path, tmp_path / "b.py"])
    names = [str(path.relative_to(tmp_path)) for path in found.candidates]
    assert names == ["a.py", "b.py", "deep/c.py", "odd.py"]
    skipped = [each.removeprefix(f"{tmp_path}/") for each in found.skipped]
    assert skipped == [
        ".git (left by a tool)",
        "__pycache__ (left by a tool)",
        "around (a symbolic link)",
        "notes.txt (no .py or .ipynb)",
    ]


def test_what_cannot_be_done_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(SQUARE)
    marks = tmp_path / "marks.toml"
    marks.write_text("[exercises.vectorised_square]\n")
    refused = [
        (["--exercise", "vectorised_square"], 2, "did you mean 'vectorized_square'"),
        (["--require", "vectorised_square"], 2, "did you mean 'vectorized_square'"),
        (["--marks", marks], 2, "did you mean 'vectorized_square'"),
        (["--log", "good.py/log.jsonl"], 3, "the log good.py/log.jsonl cannot be written"),
    ]
    for options, status, says in refused:
        done = check("good.py", *options, cwd=tmp_path)
        assert done.returncode == status, done.stderr
        assert says in done.stderr
        assert done.stdout == ""  # no server was started, and JAX was not imported
    fine = check("good.py", "--log", "new/log.jsonl", "--examples", 8, cwd=tmp_path)
    assert fine.returncode == 0, fine.stderr


def test_the_names_of_exercises_are_known_without_importing_them() -> None:
    from conformance.judge.exercises import exercise_names, load_exercises

    assert set(exercise_names()) == set(load_exercises())


def test_an_output_that_is_closed_early_is_no_error(tmp_path: Path) -> None:
    for name in "abcdef":
        (tmp_path / f"{name}.py").write_text(SQUARE)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "conformance.cli.check",
            *sorted(map(str, tmp_path.iterdir())),
            "--examples",
            "8",
        ],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (3, "")
