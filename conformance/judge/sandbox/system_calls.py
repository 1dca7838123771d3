"""A seccomp filter: system calls that no solution needs, and that hide memory or reach the machine.

Refused are memory that no process is seen to hold (memfd, System V, POSIX queues, anonymous shared
mappings), other processes (ptrace, process_vm_*, pidfd_getfd), the kernel's keyrings, io_uring, bpf,
userfaultfd, mounts and namespaces, and every socket that is not a UNIX one: no network, no vsock.
The program is classic BPF (linux/filter.h, linux/seccomp.h); it is inherited and cannot be undone.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Sequence

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
    swapoff=168, acct=163, syslog=103, personality=135,
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
    swapoff=225, acct=89, syslog=116, personality=92,
)  # fmt: skip
_MACHINES = {
    # machine: (AUDIT_ARCH_*, refused, mmap, socket, clone, clone3)
    "x86_64": (0xC000003E, _X86_64, 9, 41, 56, 435),
    "aarch64": (0xC00000B7, _AARCH64, 222, 198, 220, 435),
}
X32_BIT = 0x40000000

# Offsets into struct seccomp_data; arguments are 64 bits, their low half first.
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_SHARED_ANONYMOUS = 0x01 | 0x20
_NAMESPACES = 0x7E020000  # CLONE_NEW*
_AF_UNIX = 1

Instruction = tuple[int, int, int, int]


def _refuse(number: int) -> Instruction:
    return (_RETURN, 0, 0, 0x00050000 | number)


def program(machine: str) -> list[Instruction] | None:
    """The filter for a machine's system calls as (code, jump if true, if false, k); None for none."""
    if machine not in _MACHINES:
        return None
    architecture, refused, mmap, socket, clone, clone3 = _MACHINES[machine]
    lines: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_AT_LEAST, 0, 1, X32_BIT),
        _refuse(errno.ENOSYS),
    ]
    for number in sorted(refused.values()):
        lines += [(_JUMP_EQUAL, 0, 1, number), _refuse(errno.EPERM)]
    # Flags of clone3 lie in memory, out of a filter's reach: the C library falls back to clone.
    lines += [(_JUMP_EQUAL, 0, 1, clone3), _refuse(errno.ENOSYS)]
    lines += [
        (_JUMP_EQUAL, 0, 4, mmap),
        (_LOAD, 0, 0, _ARGUMENTS + 3 * 8),
        (_AND, 0, 0, _SHARED_ANONYMOUS),
        (_JUMP_EQUAL, 0, 7, _SHARED_ANONYMOUS),
        _refuse(errno.EPERM),
        (_JUMP_EQUAL, 0, 2, socket),
        (_LOAD, 0, 0, _ARGUMENTS),
        (_JUMP_EQUAL, 3, 4, _AF_UNIX),
        (_JUMP_EQUAL, 0, 2, clone),
        (_LOAD, 0, 0, _ARGUMENTS),
        (_JUMP_ANY, 1, 0, _NAMESPACES),
        (_RETURN, 0, 0, _ALLOW),
        _refuse(errno.EACCES),
    ]
    return lines


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
