"""The few Linux calls that Python does not wrap in every release this suite supports."""

from __future__ import annotations

import ctypes
import os
from typing import Any

NEWNS, NEWCGROUP, NEWUTS, NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
NEWUSER, NEWPID, NEWNET = 0x10000000, 0x20000000, 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_NOATIME, MS_NODIRATIME = 32, 1024, 2048
MS_BIND, MS_REC, MS_PRIVATE, MS_RELATIME = 4096, 16384, 1 << 18, 1 << 21
MNT_DETACH = 2

SET_PDEATHSIG, SET_DUMPABLE, SET_KEEPCAPS, CAPBSET_DROP = 1, 4, 8, 24
SET_SECCOMP, MODE_FILTER = 22, 2
SET_CHILD_SUBREAPER, SET_NO_NEW_PRIVS = 36, 38

KEPT = {
    os.ST_NOSUID: MS_NOSUID,
    os.ST_NODEV: MS_NODEV,
    os.ST_NOEXEC: MS_NOEXEC,
    os.ST_NOATIME: MS_NOATIME,
    os.ST_NODIRATIME: MS_NODIRATIME,
    os.ST_RELATIME: MS_RELATIME,
}
"""A mount's flags that a remount has to repeat."""

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: Any) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def syscall(number: int, *arguments: int | bytes | None) -> int:
    """Call the kernel by number: what it returns, -1 where it fails and errno says why."""
    given = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    result: int = _libc.syscall(ctypes.c_long(number), *given)
    return result


def unshare(flags: int) -> None:
    """Call unshare(2) with the namespaces in `flags`. Raises OSError."""
    _call("unshare", flags)


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    """Call mount(2). Raises OSError.

    Args:
        source: what to mount: a device, a directory, or a name that the kind ignores.
        target: the directory or file to mount it at.
        kind: the file system's type; None where the flags ask for none.
        flags: the bits `MS_...`.
        options: what the file system itself is told, such as `"mode=755"`.

    """
    given = kind.encode() if kind else None
    _call(
        "mount",
        source.encode(),
        target.encode(),
        given,
        ctypes.c_ulong(flags),
        options.encode() or None,
    )


def bind(source: str, target: str, *, read_only: bool = True) -> None:
    """Show `source` at `target` as well, read-only unless told otherwise."""
    try:
        mount(source, target, None, MS_BIND)
    except OSError:  # in a user namespace, a tree with mounts in it comes whole or not at all
        mount(source, target, None, MS_BIND | MS_REC)
    if read_only:
        here = os.statvfs(target).f_flag
        kept = sum(flag for known, flag in KEPT.items() if here & known)
        mount("none", target, None, MS_BIND | MS_REMOUNT | MS_RDONLY | kept)


def pivot_root(new: str) -> None:
    """Make `new` the root and let go of the old one."""
    os.chdir(new)
    number = {"x86_64": 155}.get(os.uname().machine, 41)
    if _libc.syscall(ctypes.c_long(number), b".", b".") != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"pivot_root: {os.strerror(code)}")
    _call("umount2", b".", MNT_DETACH)
    os.chdir("/")


def prctl(option: int, value: int, third: int = 0) -> None:
    """Call prctl(2) with `option` and its first two arguments. Raises OSError."""
    zero = ctypes.c_ulong(0)
    _call("prctl", option, ctypes.c_ulong(value), ctypes.c_ulong(third), zero, zero)


DAC_READ_SEARCH = 1 << 2


def bound_capabilities() -> None:
    """Let nothing that this process starts have a capability."""
    for capability in range(64):
        try:
            prctl(CAPBSET_DROP, capability)
        except OSError:
            break
    prctl(SET_NO_NEW_PRIVS, 1)


def keep_capabilities(kept: int = 0) -> None:
    """Give up every capability but `kept`, a set of bits."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    _call("capset", header, (ctypes.c_uint32 * 6)(kept, kept))
