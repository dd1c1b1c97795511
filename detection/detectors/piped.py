"""A detector that lives elsewhere: in a process of its own, in any language, behind a pipe.

Whoever brings a detector gets what an operator sees and nothing else: the process has the rows on its
standard input, an environment of a few harmless words, an empty folder to work in, and no other open file.
It has a budget of wall time over the whole run (only while somebody waits for it), limits on memory and
output, and a watcher (``detection.containment``) that leaves nothing of it behind. However it ends early,
that is one typed failure.
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
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import NoReturn

from detection import containment
from detection.containment import Limits, Verdict
from detection.detectors.base import Detector, DetectorContext
from detection.detectors.supplied import Supplied
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
        address_limit: hold its address space too; runtimes that reserve far more than they use cannot have it.
        variables: of its environment, beside the harmless ones.
    """

    def __init__(self, context: DetectorContext, command: Sequence[str], outside: OutsideSpec, *,
                 address_limit: bool, variables: dict[str, str] | None = None) -> None:
        self._codes = codes_of(context.layout.vocabulary)
        self._encoder: Encoder = (ArrowStream if outside.format == "arrow" else JsonLines)(context)
        self._left, self._seconds = outside.seconds, outside.seconds
        self._answer = bytearray()
        limits = Limits(_FOREVER, int(outside.megabytes * 2**20) if address_limit else 0)
        self._process = _Process(command, limits, variables or {})

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


class _Process:
    """The watcher and, below it, the command."""

    def __init__(self, command: Sequence[str], limits: Limits, variables: dict[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="detector-", ignore_cleanup_errors=True)
        work = Path(self._folder.name) / "work"
        work.mkdir()
        self._log = Path(self._folder.name) / "log"
        self._control, theirs = socket.socketpair()
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        order = {
            "command": list(command), "folder": str(work), "log": str(self._log), "limits": asdict(limits),
            "control": theirs.fileno(),
            "environment": {**kept, **_ONE_THREAD, "HOME": str(work), "TMPDIR": str(work), **variables},
        }  # fmt: skip
        # Nothing of this program is in the arguments or the environment of what is watched.
        self._watcher = subprocess.Popen(
            [sys.executable, "-I", "-S", containment.__file__, json.dumps(order)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=(theirs.fileno(),), cwd=work, env=kept,
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
    paths = os.pathsep.join(str(Path(path).absolute()) for path in sys.path)
    outside = replace(context.spec.outside, format="arrow")
    return Piped(context, [sys.executable, "-m", "detection.host", name], outside, address_limit=True,
                 variables={"PYTHONPATH": paths, "PYTHONHASHSEED": "0"})


def host_of_command(context: DetectorContext) -> Detector:
    """A command of somebody else's: its words, found by the user's path; silent where there is none."""
    outside = context.spec.outside
    if not outside.command:
        return Supplied(replace(context, supplied=None))
    return Piped(context, shlex.split(outside.command), outside, address_limit=False)
