"""A kernel that refuses chosen system calls to this process and its children (seccomp).

So a file system that has no locks or no hard links, or a disk that loses its writes, can be had
without one: the refusal comes from the kernel, below Python and the C library.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Mapping

#: Audit architecture and system call numbers by machine.
_MACHINES: dict[str, tuple[int, dict[str, tuple[int, ...]]]] = {
    "x86_64": (0xC000003E, {"flock": (73,), "fsync": (74,), "link": (86, 265), "pread64": (17,)}),
    "aarch64": (0xC00000B7, {"flock": (32,), "fsync": (82,), "link": (37,), "pread64": (67,)}),
}
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_SET_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2


def can_refuse() -> bool:
    """Whether this machine's system call numbers are known here."""
    return platform.system() == "Linux" and platform.machine() in _MACHINES


def refuse_calls(calls: Mapping[str, int]) -> None:
    """From now on the named calls (keys of ``_MACHINES``) fail with these errnos, for good."""
    architecture, numbers = _MACHINES[platform.machine()]
    program = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _ALLOW)]
    program.append((_LOAD, 0, 0, 0))
    for name, errno in calls.items():
        for number in numbers[name]:
            program += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | errno)]
    program.append((_RETURN, 0, 0, _ALLOW))
    code = b"".join(struct.pack("HBBI", *step) for step in program)
    held = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(_SET_SECCOMP, _FILTER, header):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
