"""Functions that misbehave in every way a third party's code can."""

import ctypes
import os
import subprocess
import sys
import time


def twice(number):
    return 2 * number


def tell(text):
    sys.stdout.write(f"{text}\n")
    return text


def refuse():
    raise ValueError("no\nsuch luck")


class TypedError(Exception):
    status = "flooded"


def refuse_typed():
    raise TypedError("a typed end")


def hang():
    time.sleep(600)


def spin():
    while True:
        pass


def hoard():
    held = []
    while True:
        held.append(bytearray(2**24))


def abort():
    os.abort()


def segfault():
    ctypes.string_at(0)


def flood():
    while True:
        sys.stdout.write("x" * 2**16)


def leave():
    sys.exit(0)


def vanish():
    os._exit(3)


def fork():
    if not os.fork():
        time.sleep(600)


def escape():
    """A grandchild in a session of its own, whose parent is gone."""
    if not os.fork():
        os.setsid()
        if not os.fork():
            time.sleep(600)
        os._exit(0)
    time.sleep(0.1)


def daemonise_and_hang():
    escape()
    hang()


def start_command():
    subprocess.run(["true"], check=True)
    return "done"


def breed():
    for _ in range(8):
        if not os.fork():
            while True:
                time.sleep(0.01)
                if not os.fork():
                    time.sleep(600)


def unpicklable():
    return lambda: None


def kill_parent():
    os.kill(os.getppid(), 9)
    time.sleep(600)


def nested(folder):
    from pathlib import Path

    from scenarios.child import Limits, carry_out

    return carry_out(twice, 4, limits=Limits(seconds=20), log=Path(folder) / "inner.log").value
