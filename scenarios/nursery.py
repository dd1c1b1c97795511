"""Where children are forked: a clean process with one thread that has imported what they need.

It is started by ``scenarios.child`` alone, reads one order a line (JSON), forks a child for it, watches
it (``detection.containment``) and answers with its verdict. When its standard input ends, it ends its
child and itself. It never runs the work: whatever that does, it does in a child.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pickle
import signal
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from detection.containment import STATUSES, Limits, Verdict, Watch, adopt_orphans, confine, end_all

#: Freed when memory has run out, so that there is room to say so.
_BALLAST_BYTES = 2**20


def main() -> None:
    """Serve orders until nobody gives any."""
    adopt_orphans()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    orders, answers = os.dup(0), os.dup(1)
    quiet = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(quiet, standard)
    buffer = b""
    # Read by hand: a buffered reader would take the next order out of the pipe that the watch looks at.
    while piece := os.read(orders, 65_536):
        buffer += piece
        while b"\n" in buffer:
            line, _, buffer = buffer.partition(b"\n")
            verdict = _serve(json.loads(line), orders)
            os.write(answers, json.dumps(asdict(verdict)).encode() + b"\n")


def _serve(order: dict[str, Any], control: int) -> Verdict:
    """One child from its birth to its end."""
    for module in order["warm"]:
        # What cannot be imported here, cannot be there; the child tells it with its traceback.
        with contextlib.suppress(Exception):
            importlib.import_module(module)
    gc.freeze()
    limits = Limits(**order["limits"])
    output, end = os.pipe()
    child = os.fork()
    if not child:
        _become(order, limits, end)
    os.close(end)
    return Watch(child, output, Path(order["log"]), limits, control).wait()


def _become(order: dict[str, Any], limits: Limits, output: int) -> NoReturn:
    """In the child: take its limits, do the work, leave the answer in its file, and end."""
    try:
        confine(limits)
        for standard in (1, 2):
            os.dup2(output, standard)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(order["cwd"])
        answer = _work(Path(order["job"]))
        _leave(answer, Path(order["answer"]))
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001 - it must be told, not raised
        _tell()
        os._exit(1)
    os._exit(0)


def _work(job: Path) -> tuple[str, Any, str] | None:
    """What the work came to: status, value and a line; None where it left by itself."""
    ballast = bytearray(_BALLAST_BYTES)
    try:
        function, args = pickle.loads(job.read_bytes())  # noqa: S301 - written by the caller
        return "ok", function(*args), ""
    except SystemExit:
        return None
    except MemoryError as error:
        del ballast
        _tell()
        return "memory", None, _line(error)
    except BaseException as error:  # noqa: BLE001 - it must be told, not raised
        _tell()
        status = getattr(error, "status", "error")
        return status if status in STATUSES else "error", None, _line(error)


def _leave(answer: tuple[str, Any, str] | None, path: Path) -> None:
    """Write the answer whole or not at all."""
    if answer is None:
        return
    try:
        text = pickle.dumps(answer)
    except Exception as error:  # noqa: BLE001 - it must be told, not raised
        _tell()
        text = pickle.dumps(("invalid", None, f"its value cannot be handed back: {_line(error)}"))
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(text)
    part.replace(path)


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:1_000]


def _tell() -> None:
    """The traceback, to the log."""
    with contextlib.suppress(BaseException):
        traceback.print_exc()
        sys.stderr.flush()


if __name__ == "__main__":
    try:
        main()
    finally:
        end_all()
