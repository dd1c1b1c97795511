"""Detectors that misbehave in each way a third party's can; each is sound until its second hour.

``HOSTILE`` tells the status that each must end with, here and in a table of scores.
"""

import ctypes
import os
import sys
import time
from pathlib import Path

from detection.taxonomy import Finding

#: Class -> the status of its row.
HOSTILE = {
    "Raises": "error",
    "Hangs": "timeout",
    "SaysNaN": "invalid",
    "Hoards": "memory",
    "Aborts": "killed",
    "Segfaults": "killed",
    "Forks": "forked",
    "LeavesProcesses": "forked",
    "Floods": "flooded",
    "Leaves": "exited",
}


class _Sound:
    """Counts steps and misbehaves at the eighth."""

    def __init__(self, context):
        self.shops = context.layout.locations - 1
        self.steps = 0

    def detect(self, views, rows):
        assert len(rows) >= 0
        assert views.now
        self.steps += 1
        if self.steps == 8:
            return self.misbehave()
        return [Finding("phantom_stock", location=1, item=0)] if self.steps == 1 else []


class Raises(_Sound):
    def misbehave(self):
        raise KeyError("no\nsuch luck")


class Hangs(_Sound):
    def misbehave(self):
        time.sleep(600)


class SaysNaN(_Sound):
    def misbehave(self):
        return [Finding("phantom_stock", location=1, item=0, score=float("nan"))]


class SaysNowhere(_Sound):
    def misbehave(self):
        return [Finding("phantom_stock", location=10_000, item=0)]


class Hoards(_Sound):
    def misbehave(self):
        held = []
        while True:
            held.append(bytearray(2**24))


class Aborts(_Sound):
    def misbehave(self):
        os.abort()


class Segfaults(_Sound):
    def misbehave(self):
        ctypes.string_at(0)


class Forks(_Sound):
    def misbehave(self):
        if not os.fork():
            os.setsid()
            time.sleep(600)
        return []


class LeavesProcesses(_Sound):
    """Goes round Python's own notice of a fork."""

    def misbehave(self):
        if not ctypes.CDLL(None).fork():
            os.setsid()
            time.sleep(600)
        return []


class Floods(_Sound):
    def misbehave(self):
        while True:
            sys.stdout.write("x" * 2**16)


class Leaves(_Sound):
    def misbehave(self):
        os._exit(0)


class Looks(_Sound):
    """Tells in its error what it can see of the process that feeds it."""

    def misbehave(self):
        files = [str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.exists()]
        kinds = sorted({name.split(":")[0] for name in files})
        raise RuntimeError(f"{files=} {kinds=} variables={sorted(os.environ)} here={[*Path().iterdir()]} {sys.argv=}")
