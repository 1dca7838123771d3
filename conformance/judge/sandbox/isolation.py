"""What keeps a worker from the machine: two levels, and what each one lacks.

`namespaces`: the server moves into a root of read-only mounts with the system, Python and its
packages but neither the suite nor anybody's files; each worker gets user, PID, mount, network and
IPC namespaces of its own. `process`: a process group, limits and a temporary directory.
"""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterable

from . import landlock, linux

LEVELS = ("process", "namespaces")
SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/gnu/store",
)
SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/localtime", "/etc/os-release")
PROCESS_FILES = (
    "/proc/self",
    *(
        f"/proc/{n}"
        for n in ("cpuinfo", "filesystems", "loadavg", "meminfo", "stat", "sys", "uptime")
    ),
    "/proc/version",
)
"""What may be read of `/proc`: not other processes, whose command lines may name a secret seed."""
DEVICES = ("/dev/null", "/dev/full", "/dev/random", "/dev/urandom")
"""Not /dev/zero: mapped and shared, it is memory that no process is seen to hold."""
MAX_FILE_BYTES = 64 * 2**20
"""The most a candidate may write, in bytes, all of it gone afterwards."""
MAX_FILES = 10_000
"""The most files and directories that a candidate may make."""
NO_FILTER = "system calls are not filtered: memory in memfds and System V segments is not counted"
MODULES = "/suite"
"""Where the server's own modules lie once it has moved."""
SCRATCH = "/candidate"
"""The one directory a worker may write in: memory, and gone with it."""
UNUSED_UID = 1_900_000_000
"""Root's candidates run as users that nobody is: the process limit does nothing for root."""


def enter_root(base: str, visible: Iterable[str], masked: Iterable[str], cache: str | None) -> None:
    """Make `base` the root of this process: the system and `visible`, read-only, less `masked`.

    Raises OSError where the system does not allow it.
    """
    if os.geteuid() == 0:
        linux.unshare(linux.NEWNS)
    else:
        uid, gid = os.geteuid(), os.getegid()
        linux.unshare(linux.NEWUSER | linux.NEWNS)
        _map(uid, gid, inner=uid, inner_gid=gid)
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    linux.mount("tmpfs", base, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=755")
    for path in (*SYSTEM, *sorted(set(visible), key=len)):
        _show(base, path)
    for path in (*SYSTEM_FILES, *DEVICES):
        if os.path.exists(path):
            _touch(base + path)
            linux.bind(path, base + path, read_only=path in SYSTEM_FILES)
    for path in masked:
        if os.path.isdir(base + path):
            linux.mount("tmpfs", base + path, "tmpfs", linux.MS_RDONLY)
    for name in ("/proc", SCRATCH, "/compiled", MODULES):
        os.makedirs(base + name, exist_ok=True)
    if not os.path.lexists(base + "/tmp"):  # Python itself may lie below /tmp
        os.symlink(SCRATCH, base + "/tmp")
    linux.bind(os.path.dirname(os.path.abspath(__file__)), base + MODULES)
    os.symlink(SCRATCH, base + "/dev/shm")
    linux.mount("/proc", base + "/proc", None, linux.MS_BIND | linux.MS_REC)
    if cache is not None:
        linux.bind(cache, base + "/compiled")
    linux.mount("none", base, None, linux.MS_REMOUNT | linux.MS_RDONLY, "mode=755")
    linux.pivot_root(base)


def _show(base: str, path: str) -> None:
    if os.path.islink(path):
        os.makedirs(os.path.dirname(base + path), exist_ok=True)
        if not os.path.lexists(base + path):
            os.symlink(os.readlink(path), base + path)
    elif os.path.isdir(path) and not os.path.isdir(base + path):
        os.makedirs(base + path)
        linux.bind(path, base + path)


def _touch(path: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w"):
        pass


def _map(uid: int, gid: int, inner: int = 1000, inner_gid: int = 1000) -> None:
    with contextlib.suppress(OSError):  # older than the file
        _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{inner} {uid} 1")
    _write("/proc/self/gid_map", f"{inner_gid} {gid} 1")


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def new_namespaces(number: int) -> None:
    """Step out of the server's namespaces; the next process forked is the first of its own."""
    if os.geteuid() == 0:
        uid = UNUSED_UID + number % 1_000_000
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        linux.prctl(linux.SET_DUMPABLE, 1)  # or the maps below belong to root
    uid, gid = os.geteuid(), os.getegid()
    linux.unshare(
        linux.NEWUSER | linux.NEWPID | linux.NEWNS | linux.NEWNET | linux.NEWIPC | linux.NEWUTS
    )
    _map(uid, gid)


def finish_sandbox() -> None:
    """As the first process of the new namespaces: its own /proc and directory, no way further."""
    room = f"size={MAX_FILE_BYTES},nr_inodes={MAX_FILES}"
    linux.mount("tmpfs", SCRATCH, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, room)
    flags = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
    with contextlib.suppress(OSError):
        _write("/proc/sys/user/max_user_namespaces", "0")
    try:
        linux.mount("proc", "/proc", "proc", flags)
    except OSError:  # where the system hides parts of its own /proc: none at all
        linux.mount("tmpfs", "/proc", "tmpfs", flags | linux.MS_RDONLY)
    linux.bound_capabilities()
    linux.keep_capabilities()
    linux.prctl(linux.SET_DUMPABLE, 0)


def chown_scratch(directory: str, number: int) -> None:
    """Give root's worker its own directory."""
    if os.geteuid() == 0:
        uid = UNUSED_UID + number % 1_000_000
        for place in (
            directory,
            *(os.path.join(directory, name) for name in os.listdir(directory)),
        ):
            os.chown(place, uid, uid)


def drop_privileges(number: int) -> None:
    """Without namespaces, root's worker becomes a user who may read, and nothing else."""
    if os.geteuid() != 0:
        return
    uid = UNUSED_UID + number % 1_000_000
    linux.bound_capabilities()
    linux.prctl(linux.SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    # Python itself may lie in root's own directory.
    linux.keep_capabilities(linux.DAC_READ_SEARCH)


def restrict_files(
    directory: str, visible: Iterable[str], masked: Iterable[str], cache: str | None
) -> None:
    """Without namespaces, keep a worker to what it would find there: the same files.

    Args:
        directory: the worker's own, the only one that it may write in.
        visible: where Python and its packages lie.
        masked: where the suite lies.
        cache: compiled programs; None for none.

    Raises:
        OSError: The kernel has no Landlock.

    """
    modules = os.path.dirname(os.path.abspath(__file__))
    readable = [*SYSTEM, *SYSTEM_FILES, *PROCESS_FILES, *visible, modules]
    os.open("/proc/self", os.O_PATH)  # kept: else the kernel may forget which directory was meant
    landlock.restrict([*readable, *([cache] if cache else [])], [directory, *DEVICES], masked)


def limit(kind: int, value: int) -> None:
    """Lower one resource limit for good; a limit that is lower already stays."""
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def limit_at_start(cpu_seconds: float) -> None:
    """Set the limits that need no measurement: core dumps, file size, open files, processor time.

    Args:
        cpu_seconds: processor time of one process; rounded to whole seconds, at least 1.

    """
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_FSIZE, MAX_FILE_BYTES)
    limit(resource.RLIMIT_NOFILE, 256)
    limit(resource.RLIMIT_CPU, max(1, round(cpu_seconds)))


def lacking(level: str, unfiltered: str | None = None, files: int = 0) -> list[str]:
    """What is not protected at this level, one clause each.

    Args:
        level: the isolation level that the server runs at.
        unfiltered: why system calls are not filtered here, where they are not.
        files: the version of Landlock that the kernel has; 0 for none.

    """
    lacks = [] if unfiltered is None else [unfiltered]
    if level == "namespaces":
        return lacks
    if unfiltered is not None:
        lacks.append("the network is open")
    if not files:
        lacks += [
            "the file system can be read, the suite's own references and command lines included",
            "files that anybody may write are not protected",
        ]
    if os.geteuid() != 0:
        if not files:
            lacks.append("files and processes of the judge's own user are not protected")
        elif files < landlock.SIGNALS:
            lacks.append("processes of the judge's own user can be sent signals")
        lacks.append(
            "the process limit counts all of the user's: candidates judged at the same time "
            "can keep each other from starting threads"
        )
    return lacks
