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
import ctypes, errno, mmap, os, socket, sys, threading
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
)
ALLOWED = dict(
    private=lambda: mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS),
    unix=lambda: socket.socketpair(), fork=lambda: os.waitpid(os.fork() or os._exit(0), 0),
    thread=lambda: threading.Thread(target=int).start(), pipe=lambda: os.pipe(),
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
    number = system_calls._MACHINES[os.uname().machine][1]["add_key"]
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
    assert len(found) == 8
    assert set(found.values()) <= {"EPERM", "EACCES", "ENOSYS"}, found


@pytest.mark.skipif(not FILTERED, reason="no filter for this machine")
def test_what_solutions_need_works() -> None:
    found = outcomes("allowed", install=True)
    assert set(found.values()) == {"works"}, found
    assert len(found) == 5


@pytest.mark.skipif(not FILTERED, reason="no filter for this machine")
def test_the_calls_are_refused_by_the_filter_alone() -> None:
    """The control: without it, they work here."""
    found = outcomes("denied", install=False)
    assert {"memfd", "shared", "segment"} <= {n for n, what in found.items() if what == "works"}


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
