"""System calls that hide memory or reach the machine fail; those that solutions need do not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.judge.sandbox import isolation, system_calls

ROOT = Path(__file__).resolve().parents[3]
FILTERED = os.uname().machine in ("x86_64", "aarch64")

SCRIPT = """
import asyncio, ctypes, errno, mmap, os, resource, socket, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
def ptrace():
    if libc.ptrace(16, 999999999, 0, 0): raise OSError(ctypes.get_errno(), "ptrace")
def segment():
    number = libc.shmget(0, 4096, 0o600 | 0o1000)
    if number < 0: raise OSError(ctypes.get_errno(), "shmget")
    libc.shmctl(number, 0, None)
def keyring():
    if libc.syscall({add_key}, b"user", b"name", b"value", 5, -3) < 0:
        raise OSError(ctypes.get_errno(), "add_key")
def namespace():
    if libc.unshare(0x10000000): raise OSError(ctypes.get_errno(), "unshare")
DENIED = dict(
    memfd=lambda: os.memfd_create("x"), shared=lambda: mmap.mmap(-1, 4096), segment=segment,
    ptrace=ptrace, keyring=keyring, namespace=namespace,
    network=lambda: socket.socket(socket.AF_INET), vsock=lambda: socket.socket(40),
    service=lambda: socket.socket(socket.AF_UNIX),
    letters=lambda: socket.socketpair(type=socket.SOCK_DGRAM | socket.SOCK_NONBLOCK),
    named=lambda: socket.socketpair()[0].bind("\\0named"),
    limits=lambda: resource.prlimit(os.getppid(), resource.RLIMIT_CORE),
    affinity=lambda: os.sched_setaffinity(os.getppid(), os.sched_getaffinity(0)),
    priority=lambda: os.setpriority(os.PRIO_USER, 0, os.getpriority(os.PRIO_PROCESS, 0)),
)
ALLOWED = dict(
    private=lambda: mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS),
    unix=lambda: socket.socketpair(), fork=lambda: os.waitpid(os.fork() or os._exit(0), 0),
    thread=lambda: threading.Thread(target=int).start(), pipe=lambda: os.pipe(),
    own_limits=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    own_affinity=lambda: os.sched_setaffinity(0, os.sched_getaffinity(0)),
    events=lambda: asyncio.run(asyncio.sleep(0)),
)
if {install}:
    from conformance.judge.sandbox import system_calls
    system_calls.install()
for name, call in (DENIED if sys.argv[1] == "denied" else ALLOWED).items():
    try:
        call()
        print(name, "works")
    except OSError as problem:
        print(name, errno.errorcode[problem.errno])
"""


def outcomes(which: str, install: bool) -> dict[str, str]:
    number = system_calls._MACHINES[os.uname().machine].refused["add_key"]
    script = SCRIPT.format(add_key=number, install=install)
    done = subprocess.run(
        [sys.executable, "-c", script, which],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
        timeout=60,
    )
    lines = [line for line in done.stdout.splitlines() if line]
    return dict(line.split() for line in lines)


@pytest.mark.skipif(not FILTERED, reason="no filter for this machine")
def test_what_hides_memory_or_reaches_the_machine_is_refused() -> None:
    found = outcomes("denied", install=True)
    assert len(found) == 14
    assert set(found.values()) <= {"EPERM", "EACCES", "ENOSYS"}, found


@pytest.mark.skipif(not FILTERED, reason="no filter for this machine")
def test_what_solutions_need_works() -> None:
    found = outcomes("allowed", install=True)
    assert set(found.values()) == {"works"}, found
    assert len(found) == 8


@pytest.mark.skipif(not FILTERED, reason="no filter for this machine")
def test_the_calls_are_refused_by_the_filter_alone() -> None:
    """The control: without it, they work here."""
    found = outcomes("denied", install=False)
    works = {name for name, what in found.items() if what == "works"}
    assert {"memfd", "shared", "segment", "service", "letters", "limits", "affinity"} <= works


CHANGES = """
import os, shutil, sys
if sys.argv[1] == "filtered":
    from conformance.judge.sandbox import system_calls
    system_calls.install()
os.chdir(sys.argv[2])
os.chmod("theirs", 0o700)
with open("theirs") as file:
    os.fchmod(file.fileno(), 0o777)
os.utime("theirs", (0, 0))
shutil.copy2("theirs", "copy")
assert open("copy").read() == "as it was"
"""


@pytest.mark.skipif(not FILTERED, reason="no filter for this machine")
@pytest.mark.parametrize("filtered", [True, False])
def test_a_files_mode_and_times_stay_as_they_are(tmp_path: Path, filtered: bool) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("as it was")
    before = theirs.stat()
    which = "filtered" if filtered else "free"
    command = [sys.executable, "-c", CHANGES, which]
    subprocess.run([*command, str(tmp_path)], cwd=ROOT, check=True, timeout=60)
    after = theirs.stat()
    same = (before.st_mode, before.st_mtime) == (after.st_mode, after.st_mtime)
    assert same is filtered  # without the filter, the control, both are changed


def test_a_machine_without_a_filter_is_named_as_lacking() -> None:
    assert system_calls.program("riscv64") is None
    lacks = isolation.lacking("process", isolation.NO_FILTER)
    assert isolation.NO_FILTER in lacks
    assert "the network is open" in lacks
    assert isolation.lacking("namespaces") == []


ATTACKS = {
    "memfd": "import os; held = [os.memfd_create(str(i)) for i in range(200)]",
    "shared-mapping": "import mmap; mmap.mmap(-1, 10**9)",
    "system-v": "import ctypes; assert ctypes.CDLL(None).shmget(0, 10**9, 0o1600) >= 0",
    "inodes": "import os; [os.mkdir(str(i)) for i in range(30_000)]; import time; time.sleep(60)",
    "few-directories": "import os\n    for i in range(200):\n        os.mkdir(str(i))",
}


@pytest.mark.parametrize("level", ["best", "process"])
@pytest.mark.parametrize("name", ATTACKS)
def test_hidden_memory_and_many_files_are_limited(
    name: str, level: str, judge: Callable, best_level: str, nothing_left: Callable
) -> None:
    level = best_level if level == "best" else level
    source = f"def vectorized_square(x):\n    {ATTACKS[name]}\n    return x * x\n"
    (verdict,) = judge(source, level=level)
    if name == "few-directories":  # the control: a few hundred are nobody's concern
        assert verdict.verdict in ("conforms", "error"), verdict
    else:
        assert verdict.verdict in ("error", "crashed"), verdict
    nothing_left(level)
