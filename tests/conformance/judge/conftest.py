"""A judge session for each isolation level, and a look for what a candidate left behind."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conformance.judge import check_file, compile_cache, server_process, warm_cache
from conformance.judge.errors import IsolationUnavailable
from conformance.judge.exercises import load_exercises
from conformance.judge.session import JudgeSession, Options
from conformance.judge.verdict import Verdict

Judge = Callable[..., list[Verdict]]


@pytest.fixture(scope="session", autouse=True)
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A place of this test run's own for temporary directories, so that leftovers are seen."""
    place, before = tmp_path_factory.mktemp("temporary"), tempfile.tempdir
    tempfile.tempdir = str(place)
    yield place
    tempfile.tempdir = before


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that all workers of this test run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(autouse=True)
def room(request: pytest.FixtureRequest, shared: Path) -> Iterator[None]:
    """A bomb goes off alone: an ordinary user's process limit counts what all tests start."""
    if os.geteuid() == 0:
        yield
        return
    alone = "bomb" in request.node.name
    with open(shared / "door", "w") as door, open(shared / "room", "w") as within:
        fcntl.flock(door, fcntl.LOCK_EX)  # nobody enters while a bomb waits for the rest to leave
        fcntl.flock(within, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield


@pytest.fixture(scope="session")
def compiled(shared: Path, temporary: Path) -> Path | None:
    """A compilation cache that all workers of this test run share, warmed by whoever comes first."""
    cache = compile_cache.prepare(shared / "judge-cache")
    if cache is None:
        return None
    exercises = load_exercises()
    warm_cache.warm(cache, [exercises["nn_vmap_forward"], exercises["nn_vmap_ensemble_forward"]])
    return cache.compiled


@pytest.fixture(scope="session")
def servers(
    temporary: Path, compiled: Path | None
) -> Iterator[Callable[[str], server_process.Server]]:
    """Servers by level, started when first asked for. A level that is not available skips."""
    started: dict[str, server_process.Server] = {}

    def server(level: str) -> server_process.Server:
        if level not in started:
            try:
                started[level] = server_process.start_server(level, compiled)
            except IsolationUnavailable as problem:
                pytest.skip(f"this system does not allow isolation {level!r}: {problem}")
        return started[level]

    yield server
    for each in started.values():
        server_process.stop_server(each)


@pytest.fixture(scope="session")
def best_level() -> str:
    """The best level of this system."""
    server = server_process.start_server()
    server_process.stop_server(server)
    return server.level


@pytest.fixture(scope="session")
def sessions(servers: Callable[[str], server_process.Server]) -> Callable[..., JudgeSession]:
    """Sessions by level and options; calls and right answers are kept for the session."""
    kept: dict[object, JudgeSession] = {}
    exercises = load_exercises()

    def session(level: str, **options: object) -> JudgeSession:
        chosen = Options(**{"examples": 16, "patience": 5.0, "seed": 0, **options})  # type: ignore[arg-type]
        if (level, chosen) not in kept:
            kept[level, chosen] = JudgeSession(servers(level), exercises, chosen)
        return kept[level, chosen]

    return session


@pytest.fixture
def judge(sessions: Callable[..., JudgeSession], best_level: str, tmp_path: Path) -> Judge:
    """Judge a candidate given as source."""

    def verdicts(
        source: str | bytes,
        *,
        level: str = best_level,
        name: str = "solution.py",
        **options: object,
    ) -> list[Verdict]:
        path = tmp_path / name
        path.write_bytes(source if isinstance(source, bytes) else source.encode())
        return check_file.check_file(sessions(level, **options), path)

    return verdicts


def descendants(pid: int) -> set[int]:
    """Every process below this one, by its parents."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents[int(name)] = int(fields[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def wait_until(holds: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def nothing_left(
    servers: Callable[[str], server_process.Server], temporary: Path
) -> Callable[[str], None]:
    """Assert that no process of a candidate runs and no directory of one is there."""

    def check(level: str) -> None:
        pid = servers(level).process.pid
        assert wait_until(lambda: not descendants(pid)), f"{descendants(pid)} are still running"
        assert not list(temporary.glob("vmap-conformance-candidate-*"))

    return check
