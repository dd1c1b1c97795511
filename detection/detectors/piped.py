"""A detector that lives elsewhere: in a process of its own, in any language, behind a pipe.

Whoever brings a detector gets what an operator sees and nothing else: the process has the rows on its
standard input, an environment of a few harmless words, an empty folder to work in, and no other open file.
It has a budget of wall time over the whole run (only while somebody waits for it), limits on memory and
output, and a watcher (``detection.containment``) that leaves nothing of it behind. Where the kernel can do it
(``detection.sandbox``), it may open what it needs to run (``detection.reach``) and no folder of a run, write to its
own folder alone, and look into no other process. However it ends early, that is one typed failure.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shlex
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import NoReturn

from detection import containment, sandbox
from detection.containment import Limits, Verdict
from detection.detectors.base import Detector, DetectorContext
from detection.detectors.supplied import Supplied
from detection.reach import DEVICES, Reach
from detection.spec import OutsideSpec
from detection.taxonomy import Finding
from detection.views.state import Views
from detection.wire import ArrowStream, Encoder, InvalidAnswer, JsonLines, codes_of, findings_of
from sim.events import Rows

#: Longest answer to one step, bytes.
ANSWER_BYTES_MAX = 16 * 2**20
#: The watcher's own limit is the run's; the budget of the detector is kept here.
_FOREVER = 30 * 86_400.0
#: What a detector may take to end once there are no more rows, and its watcher to clean up, seconds.
_END, _CLEAN_UP = 10.0, 30.0
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


#: From an empty folder in which links may be made to what a process may read, and further words of its environment.
Opened = Callable[[Path], tuple[Sequence[str], dict[str, str]]]


class DetectorFailed(RuntimeError):  # noqa: N818 - it is what happened
    """A detector that lives elsewhere ended early.

    Attributes:
        status: one of :data:`detection.containment.STATUSES`.
    """

    def __init__(self, status: str, message: str) -> None:
        super().__init__(status, message)
        self.status, self.message = status, message

    def __str__(self) -> str:
        return f"the detector failed ({self.status}): {self.message}"


class Piped:
    """The near end of the pipe.

    Args:
        context: what the detector is told of.
        command: the words that start it.
        outside: its form of messages and its limits.
        opened: what it may read.
        address_limit: hold its address space too; runtimes that reserve far more than they use cannot have it.
    """

    def __init__(self, context: DetectorContext, command: Sequence[str], outside: OutsideSpec, opened: Opened, *,
                 address_limit: bool) -> None:
        self._codes = codes_of(context.layout.vocabulary)
        self._encoder: Encoder = (ArrowStream if outside.format == "arrow" else JsonLines)(context)
        self._left, self._seconds = outside.seconds, outside.seconds
        self._answer = bytearray()
        limits = Limits(_FOREVER, int(outside.megabytes * 2**20) if address_limit else 0)
        self._process = _Process(command, limits, opened)

    def detect(self, views: Views, rows: Rows) -> list[Finding]:
        """What it finds in these rows.

        Raises:
            DetectorFailed: it ended, took too long, or answered what is no answer.
        """
        begun = time.monotonic()
        line = self._exchange(self._encoder.step(views.now, rows), begun + self._left)
        self._left -= time.monotonic() - begun
        if line.startswith(b'{"failed"'):
            told = json.loads(line)
            self._fail(told["failed"], told["message"])
        try:
            return findings_of(line, self._codes)
        except InvalidAnswer as error:
            self._fail("invalid", str(error))

    def close(self) -> None:
        """The end of the run.

        Raises:
            DetectorFailed: it does not end, ends with an error, or leaves processes behind.
        """
        verdict = self._process.finish()
        if verdict.status != "ok":
            raise DetectorFailed(verdict.status, verdict.message)

    def _exchange(self, message: bytes, deadline: float) -> bytes:
        """Write one message and read one line, both at once: neither side may wait for the other to read."""
        process, left = self._process, memoryview(message)
        while b"\n" not in self._answer:
            patience = deadline - time.monotonic()
            if patience <= 0:
                self._fail("timeout", f"took longer than {self._seconds:g} s over the run")
            readable, writable, _ = select.select(
                [process.answers], [process.rows] if left else [], (), patience)
            if writable:
                try:
                    left = left[os.write(process.rows, left[:65_536]) :]
                except BrokenPipeError:
                    left = memoryview(b"")  # it reads no more; whether it answers still is seen below
            if readable:
                piece = os.read(process.answers, 65_536)
                if not piece:
                    self._explain()
                self._answer += piece
                if len(self._answer) > ANSWER_BYTES_MAX:
                    self._fail("flooded", f"answered one step with more than {ANSWER_BYTES_MAX:,} bytes")
        line, _, rest = self._answer.partition(b"\n")
        self._answer = rest
        return bytes(line)

    def _explain(self) -> NoReturn:
        """Its output has ended: say why."""
        verdict = self._process.finish()
        status = "exited" if verdict.status == "ok" else verdict.status
        said = self._process.last_words if status == "exited" else ""
        message = verdict.message or "left without an answer"
        raise DetectorFailed(status, f"{message}; it said: {said}" if said else message)

    def _fail(self, status: str, message: str) -> NoReturn:
        self._process.end()
        raise DetectorFailed(status, message)


def environment_in(work: Path) -> dict[str, str]:
    """The few harmless words that somebody else's process is told of this one, with a folder to work in."""
    return {**_harmless(), **_ONE_THREAD, "HOME": str(work), "TMPDIR": str(work)}


def _harmless() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}


class _Process:
    """The watcher and, below it, the command."""

    def __init__(self, command: Sequence[str], limits: Limits, opened: Opened) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="detector-", ignore_cleanup_errors=True)
        folder = Path(os.path.realpath(self._folder.name))
        work, links = folder / "work", folder / "path"
        work.mkdir()
        links.mkdir()
        read, variables = opened(links)
        self._log = folder / "log"
        self._control, theirs = socket.socketpair()
        order = {
            "command": sandbox.wrapped(command, read, [str(work)], DEVICES), "folder": str(work),
            "log": str(self._log), "limits": asdict(limits), "control": theirs.fileno(),
            "environment": {**environment_in(work), **variables},
        }  # fmt: skip
        # Nothing of this program is in the arguments or the environment of what is watched.
        self._watcher = subprocess.Popen(
            [sys.executable, "-I", "-S", containment.__file__, json.dumps(order)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=(theirs.fileno(),), cwd=work,
            env=_harmless(),
            start_new_session=True, bufsize=0,
        )  # fmt: skip
        theirs.close()
        assert self._watcher.stdin is not None
        assert self._watcher.stdout is not None
        self.rows, self.answers = self._watcher.stdin.fileno(), self._watcher.stdout.fileno()
        os.set_blocking(self.rows, False)
        # Where nobody ended it, it ends with whoever held it.
        self._finalizer = weakref.finalize(self, _end, self._watcher, self._control, self._folder)
        self._verdict: Verdict | None = None
        self.last_words = ""

    def finish(self) -> Verdict:
        """Tell it that there are no more rows, and wait for its end."""
        if self._verdict is None:
            assert self._watcher.stdin is not None
            self._watcher.stdin.close()
            self._control.settimeout(_END)
            told = b""
            with contextlib.suppress(OSError):
                told = self._control.recv(65_536)
            if told:
                self._verdict = Verdict(**json.loads(told))
            else:
                gone = self._watcher.poll() is not None
                self._verdict = Verdict("killed", "its watcher was ended") if gone else Verdict(
                    "timeout", f"did not end within {_END:g} s of the last row")
            with contextlib.suppress(OSError):
                self.last_words = " ".join(self._log.read_text(errors="replace").split())[-300:]
            self.end()
        return self._verdict

    def end(self) -> None:
        """End whatever is left of it."""
        self._finalizer()


def _end(watcher: subprocess.Popen[bytes], control: socket.socket, folder: tempfile.TemporaryDirectory[str]) -> None:
    """Close every pipe, which ends the watcher and all below it."""
    control.close()
    for pipe in (watcher.stdin, watcher.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    try:
        watcher.wait(_CLEAN_UP)
    except subprocess.TimeoutExpired:
        watcher.kill()
        watcher.wait()
    folder.cleanup()


def host_of_class(context: DetectorContext, name: str) -> Piped:
    """A class of somebody else's in a Python of its own."""
    outside = replace(context.spec.outside, format="arrow")

    def opened(links: Path) -> tuple[Sequence[str], dict[str, str]]:
        read, path = Reach(outside.hidden).of_class(name, links)
        return [*read, *filter(None, [outside.file])], {"PYTHONPATH": os.pathsep.join(path), "PYTHONHASHSEED": "0"}

    return Piped(context, [sys.executable, "-m", "detection.host", name], outside, opened, address_limit=True)


def host_of_command(context: DetectorContext) -> Detector:
    """A command of somebody else's: its words, found by the user's path; silent where there is none."""
    outside = context.spec.outside
    if not outside.command:
        return Supplied(replace(context, supplied=None))
    words = shlex.split(outside.command)

    def opened(_links: Path) -> tuple[Sequence[str], dict[str, str]]:
        return [*Reach(outside.hidden).of_command(words), *filter(None, [outside.file])], {}

    return Piped(context, words, outside, opened, address_limit=False)
