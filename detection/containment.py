"""A process of somebody else's, held: limits on its time, memory and output, and nothing of it left afterwards.

What is watched may do anything: hang, exhaust memory, crash the interpreter, fork, flood its output,
leave without a word. The watcher is a process of its own, with one thread and the standard library
alone, so that it outlives all of that. Its rules:

- What is watched has a session of its own. Where the kernel can do it (Linux), the watcher adopts
  whatever loses its parent, so that a grandchild that moved to another session is found as well.
- The end is the end of the process, never the end of a pipe, which a grandchild could hold open.
- Output goes to a file through the watcher, which stops what says more than it may.
- Whoever asked holds a pipe to the watcher; when that closes, all is over for everybody.

This file is a program too (:func:`main`), started without the packages around it, so that it is there at once:
it imports nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

#: How a process that was held can end, and what each means.
STATUSES: Mapping[str, str] = {
    "ok": "ended as it should",
    "error": "raised an exception",
    "timeout": "took longer than it may",
    "memory": "asked for more memory than it may have",
    "killed": "was ended by a signal: its interpreter crashed, or somebody killed it",
    "exited": "left without an answer",
    "invalid": "answered what is no valid answer",
    "flooded": "put out more than it may",
    "forked": "started processes that outlived it",
}
#: How long processes that were left behind may take to end by themselves, seconds.
GRACE = 0.5
#: How often a watcher looks where the kernel cannot wake it, seconds.
_POLL = 0.02
#: Rounds of killing before a watcher gives up on what breeds faster than it can be killed.
_SWEEPS_MAX = 200
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
#: Fields of /proc/PID/stat behind the name.
_STATE, _PARENT = 0, 1


@dataclass(frozen=True)
class Limits:
    """What a process may use.

    Attributes:
        seconds: wall time.
        bytes: address space of one process; 0 for no limit.
        output_bytes: what it may write to its standard output and standard error together.
    """

    seconds: float = 600.0
    bytes: int = 0
    output_bytes: int = 2**20


@dataclass(frozen=True)
class Verdict:
    """How a process ended: one of :data:`STATUSES`, and a line about it."""

    status: str
    message: str = ""


def adopt_orphans() -> None:
    """Make this process the parent of whatever below it loses its own; without effect off Linux."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def confine(limits: Limits) -> None:
    """In a new child: a session of its own, limits, no core dump, and death with its watcher."""
    with contextlib.suppress(PermissionError):  # it leads a session already
        os.setsid()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if limits.bytes:
        resource.setrlimit(resource.RLIMIT_AS, (limits.bytes, limits.bytes))


class Watch:
    """The wait for one child that was confined.

    Args:
        pid: the child.
        output: read end of the pipe that is its standard output and error; closed at the end.
        log: file that gets its output.
        limits: what it may use.
        control: a pipe whose end means that nobody waits any more.
    """

    def __init__(self, pid: int, output: int, log: Path, limits: Limits, control: int) -> None:
        self._pid, self._output, self._log = pid, output, log
        self._limits, self._control = limits, control
        self._room = limits.output_bytes
        self._open = True

    def wait(self) -> Verdict:
        """Until it has ended by itself or was ended; ends whatever it left behind.

        Returns:
            ``ok`` for exit code 0, ``exited`` for another; ``forked`` where other processes outlived it.
        """
        os.set_blocking(self._output, False)
        with self._log.open("wb") as file:
            verdict, code = self._until_the_end(file.fileno())
            outlived = verdict is None and _outlived()
            end_all(self._pid)
            self._drain(file.fileno())
        os.close(self._output)
        if verdict is not None:
            return verdict
        if self._room < 0:
            return self._flooded()
        own = _told(code)
        return Verdict("forked", "started processes that outlived it") if own.status == "ok" and outlived else own

    def _until_the_end(self, file: int) -> tuple[Verdict | None, int]:
        """Why it had to be ended, or None and its wait status."""
        deadline = time.monotonic() + self._limits.seconds
        opener = getattr(os, "pidfd_open", None)
        handle = opener(self._pid) if opener else -1
        try:
            while True:
                left = deadline - time.monotonic()
                told = [self._control, *([self._output] if self._open else []), *([handle] if handle >= 0 else [])]
                ready, _, _ = select.select(told, (), (), max(0.0, left if handle >= 0 else min(left, _POLL)))
                if self._output in ready:
                    self._drain(file)
                done, code = os.waitpid(self._pid, os.WNOHANG)
                if done:
                    return None, code
                if self._control in ready and not os.read(self._control, 1):
                    return Verdict("killed", "nobody waited for it any more"), 0
                if self._room < 0:
                    return self._flooded(), 0
                if left <= 0:
                    return Verdict("timeout", f"took longer than {self._limits.seconds:g} s"), 0
        finally:
            if handle >= 0:
                os.close(handle)

    def _drain(self, file: int) -> None:
        """Move what stands in the pipe to the log, as far as there is room; below 0 it is flooded."""
        while self._open and self._room >= 0:
            try:
                piece = os.read(self._output, 65_536)
            except BlockingIOError:
                return
            self._open = bool(piece)
            os.write(file, piece[: self._room])
            self._room -= len(piece)

    def _flooded(self) -> Verdict:
        return Verdict("flooded", f"put out more than {self._limits.output_bytes:,} bytes")


def end_all(session: int = 0) -> None:
    """Kill every process below this one, and reap them.

    Args:
        session: a process group to kill too, which is all that can be found off Linux; 0 for none.

    What breeds is stopped before it is killed: a stopped process forks no more.
    """
    for _ in range(_SWEEPS_MAX):
        found = descendants()
        for number in (signal.SIGSTOP, signal.SIGKILL):
            if session:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(session, number)
            for pid in found:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
        _reap()
        if not found and not descendants():
            return
        time.sleep(0.002)


def descendants() -> list[int]:
    """Living processes below this one; off Linux, where none can be listed, nothing."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name of a program may hold anything, closing brackets too.
            fields = entry.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if fields[_STATE] not in {"Z", "X"}:
            parents[int(entry.parent.name)] = int(fields[_PARENT])
    own, found = os.getpid(), []
    for pid, parent in parents.items():
        above: int | None = parent
        while above is not None and above != own:
            above = parents.get(above)
        if above == own:
            found.append(pid)
    return found


def _outlived() -> bool:
    """Whether anything but the child that ended is there still, after a moment's grace."""
    until = time.monotonic() + GRACE
    while descendants():
        if time.monotonic() > until:
            return True
        _reap()
        time.sleep(_POLL)
    return False


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _told(code: int) -> Verdict:
    """What a wait status says."""
    if os.WIFSIGNALED(code):
        number = os.WTERMSIG(code)
        return Verdict("killed", f"was ended by {signal.Signals(number).name}")
    left = os.waitstatus_to_exitcode(code)
    return Verdict("exited", f"left with exit code {left}") if left else Verdict("ok")


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def main(order: dict[str, Any]) -> None:
    """Start one command with this program's standard input and output, and tell its verdict when it has ended.

    Args:
        order: ``command`` (a list of words), ``environment``, ``folder`` to work in, ``log``, ``limits``, and
            ``control``: a socket that gets the verdict, and whose end means that nobody waits any more.
    """
    adopt_orphans()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limits, control = Limits(**order["limits"]), order["control"]
    output, end = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.dup2(end, 2)
            confine(limits)
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.chdir(order["folder"])
            os.execvpe(order["command"][0], order["command"], order["environment"])  # noqa: S606 - no shell is wanted
        except OSError as error:
            os.write(2, f"cannot start {order['command'][0]}: {error.strerror}\n".encode())
        finally:
            os._exit(127)
    os.close(end)
    quiet = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(quiet, standard)
    verdict = Watch(child, output, Path(order["log"]), limits, control).wait()
    with contextlib.suppress(OSError):
        os.write(control, json.dumps(asdict(verdict)).encode())


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    finally:
        end_all()
