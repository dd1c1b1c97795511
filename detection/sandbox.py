"""Somebody else's program, kept from the disk and from other processes by the kernel: Linux's Landlock.

A process that restricts itself may from then on open what it was allowed beforehand, it and whatever it starts, and
nothing can give it more. It cannot look into a process outside either: ``/proc/PID/mem``, ``cwd``, ``fd`` and
``environ`` of those are closed to it, and it cannot send them signals where the kernel is new enough. Root's means to
go round that (another's environment, raw disks) are taken from it too. What Landlock does not hold: the network, and
whether a path is there at all (``stat``).

The three system calls have no wrapper in the C library; numbers, structures and rights are those of
``include/uapi/linux/landlock.h`` (https://docs.kernel.org/userspace-api/landlock.html). They exist from Linux 5.13
on; each later version (ABI) knows more rights, and those that a kernel does not know it is not asked for.

This file is a program too (:func:`main`): it restricts itself and becomes the command. It imports nothing but the
standard library, so that it is there at once.
"""

from __future__ import annotations

import ctypes
import json
import os
import stat
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

#: The same on all architectures that share the generic table.
_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION_FLAG, _BENEATH = 1, 1
_NO_NEW_PRIVS: Final = 38
_EXECUTE, _WRITE, _READ, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE: Final = 1 << 14
#: Rights by the version that brought them: all of the first 13, renaming across folders, truncating.
_RIGHTS: Final = {1: (1 << 13) - 1, 2: 1 << 13, 3: _TRUNCATE}
#: Devices are not made: a raw disk has every file on it.
_DEVICES_MADE: Final = 1 << 6 | 1 << 11
#: What root may do beyond files: modules, raw I/O, chroot, tracing, administration, devices, profiles, BPF and
#: checkpoints.
_CAPABILITIES: Final = (16, 17, 18, 19, 21, 27, 38, 39, 40)
_DROP_BOUND, _AMBIENT, _CLEAR = 24, 47, 4
#: Rights that a rule about a file, not a folder, may carry.
_OF_FILES: Final = _EXECUTE | _WRITE | _READ | _TRUNCATE
#: Version from which on signals and abstract sockets can be kept inside, and the two bits for it.
_SCOPES_FROM, _SCOPES = 6, 3


class _Ruleset(ctypes.Structure):
    _fields_ = (("handled_fs", ctypes.c_uint64), ("handled_net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


@cache
def version() -> int:
    """Landlock's version in this kernel; 0 where there is none: another system, an old kernel, one without it."""
    if sys.platform != "linux":
        return 0
    try:
        return max(0, _call(_CREATE, None, 0, _VERSION_FLAG))
    except OSError:
        return 0


def restrict(read: Sequence[str], write: Sequence[str], devices: Sequence[str] = ()) -> None:
    """Take every right on files from this process but these, for good.

    Args:
        read: files and folders (with all beneath) that may be read, listed and executed, beside what the kernel
            tells of this process; what is not there is passed over.
        write: those in which anything may be done.
        devices: those that may be read and written to, and not be replaced.

    Raises:
        OSError: the kernel refuses; nothing is restricted then.
    """
    known = version()
    handled = sum(rights for since, rights in _RIGHTS.items() if since <= known)
    attributes = _Ruleset(handled, 0, _SCOPES if known >= _SCOPES_FROM else 0)
    # An old kernel refuses a structure with fields that it does not know unless they are zero.
    ruleset = _call(_CREATE, ctypes.byref(attributes), ctypes.sizeof(attributes), 0)
    try:
        for paths, rights in (
            ([*read, f"/proc/{os.getpid()}"], _EXECUTE | _READ | _READ_DIR),
            (devices, _READ | _WRITE | _TRUNCATE),
            (write, handled & ~_DEVICES_MADE),
        ):
            for path in paths:
                _allow(ruleset, path, rights & handled)
        _drop_capabilities()
        _check(_prctl(_NO_NEW_PRIVS, 1))
        _call(_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what cannot be reached needs no rule
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _OF_FILES
        rule = _Beneath(rights, place)
        _call(_ADD, ruleset, _BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(place)


def _drop_capabilities() -> None:
    """In effect with the next program; who is not root has none, and no right to drop them either."""
    for number in _CAPABILITIES:
        _prctl(_DROP_BOUND, number)
    _prctl(_AMBIENT, _CLEAR)


def _prctl(option: int, value: int) -> int:
    return int(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0))


def _call(number: int, *arguments: Any) -> int:
    words = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    return _check(ctypes.CDLL(None, use_errno=True).syscall(ctypes.c_long(number), *words))


def _check(answer: int) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer


def wrapped(command: Sequence[str], read: Sequence[str], write: Sequence[str], devices: Sequence[str]) -> list[str]:
    """The words that start a command under :func:`restrict`; the command itself where the kernel cannot do it."""
    if not version():
        return list(command)
    order = {"command": list(command), "read": list(read), "write": list(write), "devices": list(devices)}
    return [sys.executable, "-I", "-S", __file__, json.dumps(order)]


def main(order: dict[str, Any]) -> None:
    """Restrict this process and become the command, with the environment and folder that it was given."""
    command = order["command"]
    try:
        restrict(order["read"], order["write"], order["devices"])
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        os.write(2, f"cannot start {command[0]}: {error.strerror}\n".encode())
    os._exit(127)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
