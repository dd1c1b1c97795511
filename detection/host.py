"""A detector's own process: ``python -m detection.host package.module:Class``, fed through a pipe.

Standard input is an Arrow stream of what ``detection.wire`` tells; the process builds views and detector
from it and answers one line a step. All it has is what came through the pipe. Whatever the detector
prints goes to standard error; its answers go by a descriptor that only this module knows of.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any

from detection.wire import InvalidAnswer, answer, context_of, names_of, read_stream

#: Freed when memory has run out, so that there is room to say so.
_BALLAST_BYTES = 2**20


def main(detector: str) -> int:
    """Answer every step until there are no more.

    Args:
        detector: a registered name, or ``package.module:Class``.
    """
    answers = os.dup(1)
    os.dup2(2, 1)
    own, forked = os.getpid(), []
    os.register_at_fork(after_in_parent=lambda: forked.append(own))
    ballast = bytearray(_BALLAST_BYTES)
    try:
        told, steps = read_stream(os.fdopen(0, "rb"))
        detect = _detector(told, detector)
        for now, rows in steps:
            line = detect(now, rows)
            if os.getpid() != own:
                os._exit(0)  # a copy of this process has no say
            if forked:
                return _fail(answers, "forked", "forked; a detector may start commands, but no copy of itself")
            _write(answers, line)
    except MemoryError as error:
        del ballast
        return _fail(answers, "memory", _line(error))
    except InvalidAnswer as error:
        return _fail(answers, "invalid", str(error))
    except Exception as error:  # noqa: BLE001 - it must be told, not raised
        traceback.print_exc()
        return _fail(answers, "error", _line(error))
    return 0


def _detector(told: dict[str, Any], name: str) -> Any:
    """A function of one step: views first, then the detector, then its findings as a line."""
    from detection.registry import load
    from detection.views.state import Views

    context = context_of(told, name)
    views = Views(context.layout, context.spec)
    made = load("detector", name)(context)
    names = names_of(context.layout.vocabulary)

    def step(now: int, rows: Any) -> str:
        views.update(now, rows)
        return answer(list(made.detect(views, rows)), names)

    return step


def _fail(answers: int, status: str, message: str) -> int:
    _write(answers, json.dumps({"failed": status, "message": message}))
    return 0


def _write(answers: int, line: str) -> None:
    data = memoryview(f"{line}\n".encode())
    while data:
        data = data[os.write(answers, data) :]


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:1_000]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
