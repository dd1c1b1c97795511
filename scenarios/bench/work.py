"""The work of one worker: the trials of one scenario and seed, each in a child, each kept when it is finished.

It runs in this process, in a process of loky's, or on a machine of a Dask or Ray cluster that sees the
same folder. What is finished already is not done again. A benchmark that is gone (its lock is free, or
another's) is noticed between two trials, and its workers on a cluster stop; those of this machine end with it.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from detection.containment import Limits
from scenarios.bench.plan import Group, Task
from scenarios.bench.store import CURVES, RECORDINGS, Store, described
from scenarios.bench.suite import TrialLimits
from scenarios.child import LOST, Outcome, carry_out
from scenarios.measures.trials import FOLDER as TRIALS
from scenarios.measures.trials import OK, Trial

#: How often a call is made whose watcher is ended.
_ATTEMPTS: Final = 3
#: Modules that every child needs; they are imported once for all.
_WARM: Final = (
    "scenarios.bench.trial", "scenarios.measures.scoring", "detection.detectors.composite", "sklearn.ensemble",
    "pyod.models.iforest",
)  # fmt: skip


@dataclass(frozen=True)
class Order:
    """What a worker is to do.

    Attributes:
        group: the trials.
        store: where they are kept.
        limits: of each.
        curves: count false alarms by least score, in place of the trials themselves.
    """

    group: Group
    store: Store
    limits: TrialLimits
    curves: bool = False


def work(order: Order) -> int:
    """Do what is not done yet of a group; returns how many things were finished."""
    kept = CURVES if order.curves else TRIALS
    tasks = [task for task in order.group.tasks if not order.store.has(kept, task.key)]
    done = _do(order, tasks)
    if not order.curves and order.group.recording and all(order.store.has(TRIALS, t.key) for t in order.group.tasks):
        order.store.forget_recording(order.group.recording)
    return done


def _do(order: Order, tasks: list[Task]) -> int:
    if not tasks or not order.store.is_held():
        return 0
    nothing = _recorded(order) if order.group.recording else {"status": OK}
    done = 0
    for task in tasks:
        if not order.store.is_held():
            break
        began = time.monotonic()
        if order.curves:
            status, text = _curve(order, task, nothing)
            folder = CURVES
        else:
            found = _trial(order, task, nothing)
            status, text, folder = found.status, found.to_json(), TRIALS
        done += order.store.put(folder, task.key, text, seconds=time.monotonic() - began, status=status)
    return done


def _recorded(order: Order) -> dict[str, Any]:
    """How the recording of a group ended, and the score of saying nothing; it is made if it is not there."""
    store, key = order.store, order.group.recording
    folder = store.recording(key)
    if store.has(RECORDINGS, key):
        known = store.get(RECORDINGS, key)
        if known["status"] != OK or (folder / "manifest.json").exists():
            return known
        store.path(RECORDINGS, f"{key}.json").unlink()
    shutil.rmtree(folder, ignore_errors=True)
    began = time.monotonic()
    outcome = _child(order, key, "make_recording", order.group.experiment, str(folder))
    told = {"status": outcome.status, "message": outcome.message, **(outcome.value or {})}
    store.put(RECORDINGS, key, described(told), seconds=time.monotonic() - began, status=outcome.status)
    return told


def _trial(order: Order, task: Task, nothing: dict[str, Any]) -> Trial:
    """One trial, whatever becomes of it; a failed one has the measures of saying nothing, where there are any."""
    place = (task.scenario, task.seed, task.split, task.entrant)
    if nothing["status"] != OK:
        return Trial(*place, status=nothing["status"], message=f"the recording: {nothing['message']}", role=task.role)
    folder = order.store.recording(task.recording or task.key)
    if task.recording:
        outcome = _child(order, task.key, "show", task.experiment, str(folder), task.oracle)
    else:
        outcome = _child(order, task.key, "run_loop", task.experiment, str(folder))
        # A child that was ended leaves what it had begun.
        for left in folder.parent.glob(f"*{task.key}*"):
            shutil.rmtree(left, ignore_errors=True)
    told = outcome.value if outcome.ok else nothing
    return Trial(*place, outcome.status, outcome.message, told.get("event_hash"), told.get("measures", {}),
                 told.get("by_type", {}), task.role)


def _curve(order: Order, task: Task, nothing: dict[str, Any]) -> tuple[str, str]:
    if nothing["status"] != OK:
        return nothing["status"], described({"status": nothing["status"]})
    folder = order.store.recording(task.recording)
    outcome = _child(order, task.key, "false_alarms_by_score", task.experiment, str(folder))
    return outcome.status, described({"status": outcome.status, "message": outcome.message, **(outcome.value or {})})


def _child(order: Order, key: str, function: str, *args: Any) -> Outcome:
    log = order.store.log(key)
    limits = Limits(seconds=order.limits.seconds, bytes=int(order.limits.gib * 2**30),
                    output_bytes=order.limits.output_kib * 1024)
    for _ in range(_ATTEMPTS):
        outcome = carry_out(_inside, function, *args, limits=limits, log=log, warm=_WARM)
        # That was our own machinery, or the system's. An entrant that does it each time is held to it.
        if outcome.message != LOST:
            break
    if log.exists() and not log.stat().st_size:
        log.unlink()
    return outcome


def _inside(function: str, *args: Any) -> Any:
    """A function of :mod:`scenarios.bench.trial`, which only the children import: it takes seconds."""
    return getattr(import_module("scenarios.bench.trial"), function)(*args)
