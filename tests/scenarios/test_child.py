"""A function in a process of its own: whatever it does has a typed end and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from detection.containment import Limits
from scenarios.child import carry_out
from tests.scenarios import misbehaving

GIB = 2**30
MARK = "STOCKTWIN_TEST_OF_CHILD"


@pytest.fixture(autouse=True)
def marked(monkeypatch):
    """Everything that a test starts can be told by its environment, whatever session it moves to."""
    import scenarios.child

    value = f"{os.getpid()}-{time.monotonic_ns()}"
    monkeypatch.setattr(scenarios.child, "_IDLE", [])
    monkeypatch.setenv(MARK, value)
    yield value
    for nursery in scenarios.child._IDLE:
        nursery.close()
    assert bearing(value) == []


def bearing(value):
    """Living processes, other than this one, that carry the mark."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"{MARK}={value}".encode() in entry.read_bytes() and int(entry.parent.name) != os.getpid():
                found.append((int(entry.parent.name), (entry.parent / "cmdline").read_bytes()))
        except OSError:
            continue
    return found


def children_of(value):
    """The marked processes without the nursery."""
    return [pid for pid, words in bearing(value) if b"scenarios.nursery" not in words or _parent(pid) != os.getpid()]


def _parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.parametrize(
    ("function", "status", "word"),
    [
        ("refuse", "error", "ValueError: no such luck"),
        ("refuse_typed", "flooded", "a typed end"),
        ("hang", "timeout", "2 s"),
        ("spin", "timeout", "2 s"),
        ("hoard", "memory", "MemoryError"),
        ("abort", "killed", "SIGABRT"),
        ("segfault", "killed", "SIGSEGV"),
        ("flood", "flooded", "100,000 bytes"),
        ("leave", "exited", "without a value"),
        ("vanish", "exited", "exit code 3"),
        ("fork", "forked", "outlived"),
        ("escape", "forked", "outlived"),
        ("breed", "forked", "outlived"),
        ("daemonise_and_hang", "timeout", "2 s"),
        ("unpicklable", "invalid", "handed back"),
        ("kill_parent", "killed", "watcher"),
    ],
)
def test_whatever_goes_wrong_has_its_status_and_leaves_nothing(tmp_path, marked, function, status, word):
    # Only what is to run out of time has little of it: a busy machine may be slow to do the rest.
    limits = Limits(seconds=2.0 if status == "timeout" else 60.0, bytes=GIB, output_bytes=100_000)
    log = tmp_path / "log"

    outcome = carry_out(getattr(misbehaving, function), limits=limits, log=log)

    assert (outcome.status, outcome.value) == (status, None)
    assert word in outcome.message
    assert "\n" not in outcome.message
    # What lost its watcher is killed by the kernel, which may take a moment on a busy machine.
    _wait_until(lambda: children_of(marked) == [])
    assert log.stat().st_size <= 100_000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log"]
    after = carry_out(misbehaving.twice, 21, limits=Limits(seconds=60.0), log=log)
    assert (after.status, after.value) == ("ok", 42)


def test_output_and_tracebacks_stand_in_the_log(tmp_path):
    limits = Limits(seconds=20.0)
    assert carry_out(misbehaving.tell, "said", limits=limits, log=tmp_path / "one").value == "said"
    assert (tmp_path / "one").read_text() == "said\n"
    carry_out(misbehaving.refuse, limits=limits, log=tmp_path / "two")
    assert "in refuse" in (tmp_path / "two").read_text()


def test_a_child_may_start_commands_and_children_of_its_own(tmp_path):
    limits = Limits(seconds=30.0)
    assert carry_out(misbehaving.start_command, limits=limits, log=tmp_path / "one").value == "done"
    assert carry_out(misbehaving.nested, str(tmp_path), limits=limits, log=tmp_path / "two").value == 8


def test_one_start_of_the_interpreter_serves_many_calls(tmp_path, marked):
    limits = Limits(seconds=20.0)
    for number in range(5):
        assert carry_out(misbehaving.twice, number, limits=limits, log=tmp_path / "log").value == 2 * number
    assert len(bearing(marked)) == 1


def test_threads_call_at_the_same_time(tmp_path):
    values = {}

    def call(number):
        outcome = carry_out(misbehaving.twice, number, limits=Limits(seconds=20.0), log=tmp_path / f"log{number}")
        values[number] = outcome.value

    threads = [threading.Thread(target=call, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values == {0: 0, 1: 2, 2: 4, 3: 6}


def test_workers_of_loky_use_it(tmp_path, monkeypatch):
    from joblib import Parallel, delayed

    monkeypatch.delenv(MARK)  # loky's own processes stay until the interpreter ends
    jobs = (
        delayed(carry_out)(getattr(misbehaving, name), limits=Limits(seconds=20.0), log=tmp_path / f"{number}")
        for number, name in enumerate(("abort", "start_command", "leave", "start_command"))
    )
    assert [outcome.status for outcome in Parallel(n_jobs=2)(jobs)] == ["killed", "ok", "exited", "ok"]


def test_a_caller_that_is_killed_leaves_nothing(root, tmp_path, marked):
    text = (
        "from pathlib import Path; from scenarios.child import *; from tests.scenarios.misbehaving import *\n"
        f"carry_out(daemonise_and_hang, limits=Limits(seconds=600), log=Path({str(tmp_path / 'log')!r}))"
    )
    caller = subprocess.Popen([sys.executable, "-c", text], cwd=root, env={**os.environ, "PYTHONPATH": str(root)})
    _wait_until(lambda: len(bearing(marked)) >= 4)  # caller, nursery, child, and the one that moved away

    os.kill(caller.pid, signal.SIGKILL)
    caller.wait()

    _wait_until(lambda: bearing(marked) == [])


def _wait_until(condition, seconds=20.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)
