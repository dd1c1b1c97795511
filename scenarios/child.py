"""One function in a process of its own, under limits, with a typed end: a trial cannot hurt its neighbours.

``carry_out`` is for work that may go wrong in any way: it comes back with one of the statuses of
:data:`detection.containment.STATUSES`, whatever happens, and leaves no process behind. It works inside the
workers of loky, Dask and Ray, which may not start children by ``multiprocessing``.

A worker keeps a *nursery* (``scenarios.nursery``): a clean process with one thread that has imported
what the work needs and forks a child for each call, so that hundreds of trials pay for one start of the
interpreter. It is the children's watcher too. A nursery that dies is replaced by the next call. Values
come back through a file, since a pipe could be held open by a grandchild.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from detection.containment import STATUSES, Limits

#: What is said of a call whose watcher was ended: by the system, or by whoever else.
LOST: Final = "its watcher was ended"
#: What a nursery may take to start, to import and to clean up, seconds, beside the limit of its child.
_PATIENCE = 60.0
#: One thread of arithmetic a process: a fork with more is unsafe, and sums then do not depend on the machine.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Outcome:
    """How a call ended.

    Attributes:
        status: one of :data:`detection.containment.STATUSES`.
        value: what the function returned; None unless the status is ``ok``.
        message: one line; empty for ``ok``. The traceback stands in the log.
    """

    status: str
    value: Any = None
    message: str = ""

    @property
    def ok(self) -> bool:
        """Whether there is a value."""
        return self.status == "ok"


def carry_out(function: Callable[..., Any], *args: Any, limits: Limits, log: Path,
              warm: Sequence[str] = ()) -> Outcome:
    """Call ``function(*args)`` in a child process under limits.

    An exception with an attribute ``status`` that is one of the statuses ends the call with that status,
    any other with ``error``, or ``memory``.

    Args:
        function: of a module that the child can import.
        args: anything that can be pickled.
        limits: of the child.
        log: file that gets the child's output and its traceback. The call and the value stand beside it
            meanwhile; two calls at once need two logs.
        warm: modules that every child needs, to be imported once for all of them.
    """
    job, answer = log.with_name(f"{log.name}.job"), log.with_name(f"{log.name}.value")
    answer.unlink(missing_ok=True)
    job.write_bytes(pickle.dumps((function, args)))
    order = {"job": str(job.absolute()), "answer": str(answer.absolute()), "log": str(log.absolute()),
             "cwd": str(Path.cwd()), "warm": [function.__module__, *warm], "limits": asdict(limits)}
    try:
        with _borrowed() as nursery:
            verdict = nursery.ask(order, limits.seconds + _PATIENCE)
        status, message = verdict["status"], verdict["message"]
        return _with_value(status, message, answer)
    finally:
        job.unlink(missing_ok=True)
        answer.unlink(missing_ok=True)


def _with_value(status: str, message: str, answer: Path) -> Outcome:
    """The watcher's verdict, and what the child itself wrote of its end."""
    if status != "ok":
        return Outcome(status, None, message)
    try:
        told, value, line = pickle.loads(answer.read_bytes())  # noqa: S301 - written by a child of ours
    except FileNotFoundError:
        return Outcome("exited", None, "left without a value")
    except Exception as error:  # noqa: BLE001 - whatever it is, it is no value
        return Outcome("invalid", None, f"its value cannot be read: {type(error).__name__}: {error}")
    return Outcome(told if told in STATUSES else "error", value, line)


class _Nursery:
    """The caller's end of a nursery."""

    def __init__(self) -> None:
        paths = os.pathsep.join(path for path in sys.path if path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scenarios.nursery"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env={**_ONE_THREAD, **os.environ, "PYTHONPATH": paths}, start_new_session=True,
        )  # fmt: skip

    @property
    def alive(self) -> bool:
        """Whether it can take another call."""
        return self._process.poll() is None

    def ask(self, order: dict[str, Any], seconds: float) -> dict[str, str]:
        """One child's verdict; a nursery that gives none is ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            ready, _, _ = select.select([self._process.stdout], (), (), seconds)
            line = self._process.stdout.readline() if ready else b""
        except OSError:
            line = b""
        except BaseException:
            self.close()
            raise
        if line.endswith(b"\n"):
            verdict: dict[str, str] = json.loads(line)
            return verdict
        self.close()
        return {"status": "killed", "message": LOST}

    def close(self) -> None:
        """End it; what it watches ends with it."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        finally:
            if self._process.stdout is not None:
                self._process.stdout.close()


_LOCK = threading.Lock()
_IDLE: list[_Nursery] = []


@contextlib.contextmanager
def _borrowed() -> Iterator[_Nursery]:
    """A nursery that nobody else uses; one a thread that calls at the same time."""
    with _LOCK:
        nursery = _IDLE.pop() if _IDLE else None
    if nursery is None or not nursery.alive:
        nursery = _Nursery()
    try:
        yield nursery
    finally:
        if nursery.alive:
            with _LOCK:
                _IDLE.append(nursery)


def _forget() -> None:
    """After a fork the nurseries are the parent's."""
    global _LOCK  # noqa: PLW0603 - the lock may be held by a thread that does not exist here
    _LOCK = threading.Lock()
    _IDLE.clear()


os.register_at_fork(after_in_child=_forget)
