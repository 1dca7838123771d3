"""A seccomp filter: system calls that no solution needs, and that hide memory or reach the machine.

Refused are memory that no process is seen to hold (memfd, System V, POSIX queues, anonymous shared
mappings), other processes (ptrace, process_vm_*, pidfd_getfd, their limits, priorities and processors), the
kernel's keyrings, io_uring, bpf, userfaultfd, mounts and namespaces, and every socket but a pair of connected
ones: no network, no vsock, and no service of the user's that listens in a directory, which Landlock does
not see. What sets a file's mode, owner, times or attributes does nothing: Landlock does not see it either.
The program is classic BPF (linux/filter.h, linux/seccomp.h); it is inherited and cannot be undone.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from . import linux

_X86_64 = dict(
    memfd_create=319, memfd_secret=447, shmget=29, shmat=30, shmctl=31, semget=64, semop=65,
    semctl=66, semtimedop=220, msgget=68, msgsnd=69, msgrcv=70, msgctl=71, mq_open=240,
    ptrace=101, process_vm_readv=310, process_vm_writev=311, process_madvise=440, kcmp=312,
    pidfd_getfd=438, add_key=248, request_key=249, keyctl=250, io_uring_setup=425,
    io_uring_enter=426, io_uring_register=427, userfaultfd=323, bpf=321, perf_event_open=298,
    mount=165, umount2=166, pivot_root=155, chroot=161, unshare=272, setns=308, open_tree=428,
    move_mount=429, fsopen=430, fsconfig=431, fsmount=432, fspick=433, mount_setattr=442,
    name_to_handle_at=303, open_by_handle_at=304, fanotify_init=300, quotactl=179,
    kexec_load=246, init_module=175, finit_module=313, delete_module=176, reboot=169, swapon=167,
    swapoff=168, acct=163, syslog=103, personality=135, setpriority=141, sched_setscheduler=144,
    sched_setparam=142, sched_setattr=314, ioprio_set=251, migrate_pages=256, move_pages=279,
)  # fmt: skip
_AARCH64 = dict(
    memfd_create=279, memfd_secret=447, shmget=194, shmat=196, shmctl=195, semget=190, semop=193,
    semctl=191, semtimedop=192, msgget=186, msgsnd=189, msgrcv=188, msgctl=187, mq_open=180,
    ptrace=117, process_vm_readv=270, process_vm_writev=271, process_madvise=440, kcmp=272,
    pidfd_getfd=438, add_key=217, request_key=218, keyctl=219, io_uring_setup=425,
    io_uring_enter=426, io_uring_register=427, userfaultfd=282, bpf=280, perf_event_open=241,
    mount=40, umount2=39, pivot_root=41, chroot=51, unshare=97, setns=268, open_tree=428,
    move_mount=429, fsopen=430, fsconfig=431, fsmount=432, fspick=433, mount_setattr=442,
    name_to_handle_at=264, open_by_handle_at=265, fanotify_init=262, quotactl=60,
    kexec_load=104, init_module=105, finit_module=273, delete_module=106, reboot=142, swapon=224,
    swapoff=225, acct=89, syslog=116, personality=92, setpriority=140, sched_setscheduler=119,
    sched_setparam=118, sched_setattr=274, ioprio_set=30, migrate_pages=238, move_pages=239,
)  # fmt: skip
_ACCESS_X86_64 = dict(socket=41, connect=42, bind=49)
_ACCESS_AARCH64 = dict(socket=198, connect=203, bind=200)
_ATTRIBUTES_X86_64 = dict(
    chmod=90, fchmod=91, fchmodat=268, fchmodat2=452, chown=92, fchown=93, lchown=94, fchownat=260,
    utime=132, utimes=235, futimesat=261, utimensat=280, setxattr=188, lsetxattr=189, fsetxattr=190,
    removexattr=197, lremovexattr=198, fremovexattr=199, setxattrat=463, removexattrat=466,
)  # fmt: skip
_ATTRIBUTES_AARCH64 = dict(
    fchmod=52, fchmodat=53, fchmodat2=452, fchown=55, fchownat=54, utimensat=88, setxattr=5,
    lsetxattr=6, fsetxattr=7, removexattr=14, lremovexattr=15, fremovexattr=16, setxattrat=463,
    removexattrat=466,
)  # fmt: skip
_PARTLY_X86_64 = dict(
    mmap=9, clone=56, clone3=435, socketpair=53, prlimit64=302, sched_setaffinity=203
)
_PARTLY_AARCH64 = dict(
    mmap=222, clone=220, clone3=435, socketpair=199, prlimit64=261, sched_setaffinity=122
)


class _Machine(NamedTuple):
    """The numbers of the system calls that are filtered."""

    architecture: int
    """AUDIT_ARCH_*."""
    refused: Mapping[str, int]
    access: Mapping[str, int]
    """Refused as what a candidate has no access to."""
    attributes: Mapping[str, int]
    """What does nothing and says that it is done: Landlock does not see it, and honest code copies files."""
    partly: Mapping[str, int]
    """Refused with some arguments alone."""


_MACHINES = {
    "x86_64": _Machine(0xC000003E, _X86_64, _ACCESS_X86_64, _ATTRIBUTES_X86_64, _PARTLY_X86_64),
    "aarch64": _Machine(
        0xC00000B7, _AARCH64, _ACCESS_AARCH64, _ATTRIBUTES_AARCH64, _PARTLY_AARCH64
    ),
}
X32_BIT = 0x40000000

# Offsets into struct seccomp_data; arguments are 64 bits, their low half first.
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_SHARED_ANONYMOUS = 0x01 | 0x20
_NAMESPACES = 0x7E020000  # CLONE_NEW*
_SOCKET_TYPE, _SOCK_DGRAM = 0xF, 2
_ANY = 0xFFFFFFFF

Instruction = tuple[int, int, int, int]


def _answer(number: int, answer: int) -> list[Instruction]:
    """A system call fails with this errno; with 0 it does nothing, and succeeds."""
    return [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | answer)]


def _refuse_where(
    number: int, argument: int, mask: int, value: int, *, equal: bool
) -> list[Instruction]:
    """A system call fails where an argument, masked, is this value, or where it is another."""
    yes, no = (0, 1) if equal else (1, 0)
    return [
        (_JUMP_EQUAL, 0, 5, number),
        (_LOAD, 0, 0, _ARGUMENTS + argument * 8),
        (_AND, 0, 0, mask),
        (_JUMP_EQUAL, yes, no, value),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]


def program(machine: str) -> list[Instruction] | None:
    """The filter for a machine's system calls as (code, jump if true, if false, k); None for none."""
    if machine not in _MACHINES:
        return None
    calls = _MACHINES[machine]
    partly = calls.partly
    lines: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, calls.architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_AT_LEAST, 0, 1, X32_BIT),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
    ]
    answers = ((calls.refused, errno.EPERM), (calls.access, errno.EACCES), (calls.attributes, 0))
    for numbers, answer in answers:
        for number in numbers.values():
            lines += _answer(number, answer)
    # Flags of clone3 lie in memory, out of a filter's reach: the C library falls back to clone.
    lines += _answer(partly["clone3"], errno.ENOSYS)
    lines += _refuse_where(partly["clone"], 0, _NAMESPACES, 0, equal=False)
    lines += _refuse_where(partly["mmap"], 3, _SHARED_ANONYMOUS, _SHARED_ANONYMOUS, equal=True)
    # A pair of datagram sockets can send to any socket that lies in a directory.
    lines += _refuse_where(partly["socketpair"], 1, _SOCKET_TYPE, _SOCK_DGRAM, equal=True)
    # Of itself alone: 0 is the caller.
    lines += _refuse_where(partly["prlimit64"], 0, _ANY, 0, equal=False)
    lines += _refuse_where(partly["sched_setaffinity"], 0, _ANY, 0, equal=False)
    return [*lines, (_RETURN, 0, 0, _ALLOW)]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def _packed(lines: Sequence[Instruction]) -> ctypes.Array[ctypes.c_uint64]:
    words = [code | yes << 16 | no << 24 | k << 32 for code, yes, no, k in lines]
    return (ctypes.c_uint64 * len(words))(*words)


def install() -> None:
    """Filter this process and all that it starts. Raises OSError where that is not supported."""
    lines = program(os.uname().machine)
    if lines is None:
        raise OSError(errno.ENOSYS, f"no filter for {os.uname().machine}")
    linux.prctl(linux.SET_NO_NEW_PRIVS, 1)
    words = _packed(lines)
    filtered = _Program(len(lines), ctypes.addressof(words))
    linux.prctl(linux.SET_SECCOMP, linux.MODE_FILTER, ctypes.addressof(filtered))
