"""Starting and stopping the server, and saying which isolation holds."""

from __future__ import annotations

import json
import os
import resource
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

from conformance.judge.errors import IsolationUnavailable
from conformance.judge.sandbox import scratch
from conformance.judge.sandbox.isolation import LEVELS, lacking
from conformance.runner import process_env

DEVICES = 8
WORKERS_PER_CANDIDATE = 2
"""Processes that make one candidate's calls at the same time."""
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
OPEN_FILES = 256
"""Open files that the judge and a candidate each may need."""
ADDRESS_SPACE = 4 * 2**30
"""Bytes of address space below which JAX does not even start."""


_running: list[Server] = []
"""The servers that were started and not stopped."""
_directories: set[str] = set()
"""The temporary directories of servers and workers that were made and not removed."""
_making, _ending = threading.Lock(), threading.Event()


@attrs.define(eq=False)
class Server:
    """A running server: the judge's end of it."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    level: str
    base: Path
    lacks: list[str]
    preloaded: bool
    shared: str | None
    threads: int = 0
    seconds: float = 0.0
    directories: set[str] = attrs.field(factory=set)
    lock: threading.Lock = attrs.field(factory=threading.Lock)


def start_server(
    isolation: str = "auto", cache: Path | None = None, preload: bool = True
) -> Server:
    """A server at the level asked for; for "auto" at the best one there is.

    Args:
        isolation: a level, or "auto".
        cache: directory of compiled programs that workers may read.
        preload: import JAX in the server, so that no worker has to.

    Raises:
        IsolationUnavailable: No level works, or the machine's limits are too low.

    """
    _check_limits()
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
    raise IsolationUnavailable(
        f"the isolation {isolation!r} does not work here: {'; '.join(refusals)}"
    )


def _check_limits() -> None:
    """Raise this process's own limits as far as needed. Raises IsolationUnavailable."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < OPEN_FILES:
        raise IsolationUnavailable(
            f"the limit on open files is {hard}, judging needs {OPEN_FILES}: "
            f"raise it with `ulimit -n {OPEN_FILES}`"
        )
    wanted = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    space, _ = resource.getrlimit(resource.RLIMIT_AS)
    if space != resource.RLIM_INFINITY and space < ADDRESS_SPACE:
        raise IsolationUnavailable(
            f"the limit on the address space is {space // 1024} KiB, JAX needs at least "
            f"{ADDRESS_SPACE // 1024}: lift it with `ulimit -v unlimited`"
        )


def _start(level: str, cache: Path | None, preload: bool) -> tuple[Server | None, str]:
    base = Path(make_directory())
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
    server = Server(process, ours, level, base, [], preload, _readable_cache(level, cache))
    _running.append(server)
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
    server.lacks = lacking(level, message["lacking"], message["landlock"])
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
    if process_env.cache_misreads():
        values["JAX_ENABLE_COMPILATION_CACHE"] = "false"
    if process_env.has_one_module():
        values["XLA_FLAGS"] += f" {process_env.ONE_MODULE}"
    if process_env.has_llvm_emitters():
        values["XLA_FLAGS"] += f" {process_env.LLVM_EMITTERS}"
    return values


def stop_server(server: Server, seconds: float = 5.0) -> None:
    """End the server and all that it started, within `seconds`, and remove what it left."""
    server.control.close()
    try:
        server.process.wait(seconds)
    except subprocess.TimeoutExpired:
        _kill_group(server)
        server.process.wait()
    for directory in (*server.directories, str(server.base)):
        remove_directory(directory)
    if server in _running:
        _running.remove(server)


def make_directory(prefix: str = "") -> str:
    """A new temporary directory, of a server or of one of its workers.

    Args:
        prefix: what its name begins with, after the program's.

    Raises:
        IsolationUnavailable: Everything is being stopped: nobody would remove the directory.

    """
    with _making:
        if _ending.is_set():
            raise IsolationUnavailable("everything is being stopped")
        directory = tempfile.mkdtemp(prefix=f"vmap-conformance-{prefix}")
        _directories.add(directory)
    return directory


def remove_directory(directory: str) -> None:
    """Remove a directory that `make_directory` made, with all that is in it."""
    scratch.remove_tree(directory)
    _directories.discard(directory)


def stop_all(seconds: float) -> None:
    """End every server that runs, each within `seconds`, for good: no other one can be started."""
    with _making:
        _ending.set()
    while _running:
        stop_server(_running[-1], seconds)
    for directory in list(_directories):
        remove_directory(directory)


def _kill_group(server: Server) -> None:
    """Kill the server's process group."""
    try:
        os.killpg(server.process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
