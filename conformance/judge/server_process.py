"""Starting the server and its workers, and saying which isolation held."""

from __future__ import annotations

import array
import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
from importlib.util import find_spec
from pathlib import Path

import attrs

from conformance.judge.sandbox.isolation import LEVELS, SCRATCH, lacking

DEVICES = 8
START = """\
import json, sys
sys.path.insert(0, sys.argv[1])
from sandbox import server
del sys.path[0]
arguments = json.loads(sys.argv[2])
sys.path += [place for place in arguments["packages"] if place not in sys.path]
server.main(arguments)
"""
SUITE = ("conformance", "properties", "reference")
"""What a candidate must not find, wherever it is installed."""
SERVER_SECONDS = 300.0


class IsolationUnavailable(Exception):
    """No server can be had, or not at the level asked for; the message says why."""


@attrs.define
class Server:
    """A running server: the judge's end of it."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    level: str
    base: Path
    lacks: list[str]
    threads: int
    seconds: float
    preloaded: bool
    compiled_cache: str | None
    lock: threading.Lock = attrs.field(factory=threading.Lock)


@attrs.define
class Worker:
    """A running worker: the judge's ends of its pipes."""

    requests: int
    answers: int
    output: int
    life: int
    status: int
    directory: Path | None
    server: Server
    token: int
    own_server: bool = False


def start_server(
    isolation: str = "auto", cache: Path | None = None, preload: bool = True
) -> Server:
    """A server at the level asked for; for "auto" at the best one there is.

    Raises Unavailable.
    """
    levels = [isolation] if isolation != "auto" else list(reversed(LEVELS))
    refusals = []
    for level in levels:
        server, refusal = _start(level, cache, preload)
        if server is None:
            refusals.append(f"{level}: {refusal}")
            continue
        if preload and server.threads != 1:
            stop_server(server)
            return start_server(level, cache, preload=False)
        server.lacks += refusals
        return server
    raise IsolationUnavailable("; ".join(refusals))


def _start(level: str, cache: Path | None, preload: bool) -> tuple[Server | None, str]:
    base = Path(tempfile.mkdtemp(prefix="vmap-conformance-"))
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    arguments = {
        "control": theirs.fileno(),
        "level": level,
        "base": str(base),
        "visible": visible(),
        "packages": packages(),
        "masked": masked(),
        "cache": str(cache) if cache is not None else None,
        "preload": preload,
    }
    own = str(Path(__file__).parent)
    process = subprocess.Popen(
        [sys.executable, "-I", "-B", "-c", START, own, json.dumps(arguments)],
        env=environment(),
        cwd=base,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=[theirs.fileno()],
        start_new_session=True,
    )
    theirs.close()
    server = Server(
        process, ours, level, base, lacking(level), 0, 0.0, preload, _readable_cache(level, cache)
    )
    ours.settimeout(SERVER_SECONDS)
    try:
        said = ours.recv(65536)
        message = json.loads(said) if said else {}
    except OSError as problem:
        message = {"refused": str(problem)}
    if "threads" not in message:
        stop_server(server)
        assert process.stderr is not None
        last = process.stderr.read().decode(errors="replace").strip().splitlines()
        return None, message.get("refused") or (last[-1] if last else "the server did not start")
    server.threads, server.seconds = message["threads"], message["seconds"]
    return server, ""


def _readable_cache(level: str, cache: Path | None) -> str | None:
    """Where a worker finds compiled programs that it can read and not write; None for nowhere."""
    if cache is None or (level == "process" and os.geteuid() != 0):
        return None
    return "/compiled" if level == "namespaces" else str(cache)


def visible() -> list[str]:
    """Where Python and its packages lie."""
    places = [sys.prefix, sys.base_prefix, *sysconfig.get_paths().values(), *packages()]
    found = {os.path.abspath(place) for place in places}
    found |= {os.path.realpath(place) for place in found}
    found |= {os.path.dirname(os.path.dirname(os.path.realpath(sys.executable)))}
    return sorted(place for place in found if place != "/" and os.path.isdir(place))


def packages() -> list[str]:
    """Where JAX and what it needs was found: an isolated Python does not look at a user's own."""
    specs = [find_spec(name) for name in ("jax", "jaxlib", "flax", "numpy")]
    origins = [spec.origin for spec in specs if spec is not None and spec.origin is not None]
    return list(dict.fromkeys(str(Path(origin).parent.parent) for origin in origins))


def masked() -> list[str]:
    """Where the suite itself lies."""
    root = Path(__file__).resolve().parents[2]
    return [str(root / name) for name in SUITE]


def environment() -> dict[str, str]:
    """The whole environment of a candidate: nothing of the judge's own."""
    threads = ("OPENBLAS", "OMP", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")
    values = {f"{name}_NUM_THREADS": "1" for name in threads}
    values |= {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "JAX_PLATFORMS": "cpu",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # compiling is the whole cost
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={DEVICES}",
    }
    return values


def start_worker(
    server: Server, cpu_seconds: float, max_memory: int, compiled: Path | None = None
) -> Worker:
    """A worker forked from the server; from a server of its own where that cannot fork safely.

    `compiled` is where our own solutions leave what was compiled for them.
    """
    own = not server.preloaded
    if own:
        server = start_server(server.level, preload=False)
    directory = None
    if server.level == "process":
        directory = Path(tempfile.mkdtemp(prefix="vmap-conformance-candidate-"))
    requests, answers, output, life, status = (os.pipe() for _ in range(5))
    theirs = [requests[0], answers[1], output[1], life[0], status[1]]
    token = next(_tokens)
    message = {
        "token": token,
        "directory": SCRATCH if directory is None else str(directory),
        "warmed": server.compiled_cache,
        "compiled": None if compiled is None else str(compiled),
        "cpu_seconds": cpu_seconds,
        "most_memory": max_memory,
        "most_tasks": 400,
        "spare_tasks": 100,
    }
    try:
        with server.lock:
            fds = array.array("i", theirs)
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)]
            server.control.sendmsg([json.dumps(message).encode()], ancillary)
    except OSError as problem:
        raise IsolationUnavailable(f"the server is gone: {problem}") from None
    finally:
        for fd in theirs:
            os.close(fd)
    for fd in (requests[1], answers[0], output[0], status[0]):
        os.set_blocking(fd, False)
    ours = (requests[1], answers[0], output[0], life[1], status[0])
    return Worker(*ours, directory, server, token, own)


_tokens = itertools.count()


def reap_orphans(worker: Worker) -> None:
    """Have the server end processes that a dead keeper left behind, and wait until it has."""
    server = worker.server
    with contextlib.suppress(OSError), server.lock:
        server.control.sendall(json.dumps({"sweep": worker.token}).encode())
        server.control.recv(65536)


def discard(worker: Worker) -> None:
    """Close a worker's pipes and remove its directory, and its server where it had its own."""
    for fd in (worker.requests, worker.answers, worker.output, worker.life, worker.status):
        with contextlib.suppress(OSError):
            os.close(fd)
    if worker.server.level == "process":
        reap_orphans(worker)
    if worker.directory is not None:
        shutil.rmtree(worker.directory, ignore_errors=True)
    if worker.own_server:
        stop_server(worker.server)


def stop_server(server: Server) -> None:
    """End the server and all that it started."""
    server.control.close()
    try:
        server.process.wait(5)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()
    shutil.rmtree(server.base, ignore_errors=True)
