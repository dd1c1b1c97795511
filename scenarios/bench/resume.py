"""What a folder holds already: whether a call may go on with it, and what of it must be done again.

Rules:

- A call that is refused changes nothing: it is checked before anything is written.
- **Test seeds are chosen before results are seen.** Where trials on test seeds are finished, others may neither join
  nor take their place: whoever could add seeds until the ranking pleases would do so in silence.
- Other scenarios, limits, common words or another program make another benchmark. Finished trials that the suite does
  not name would be taken for results of it; both are refused.
- An entrant that changed (its words, its files, what its least score was frozen at) is done again, it alone: the key of
  a trial is the hash of all that can change it. What it reached before is put aside, not away.
- A trial that broke off because its watcher was ended says nothing of the entrant, and is tried again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from scenarios.bench.plan import Group
from scenarios.bench.store import CURVES, RECORDINGS, Store
from scenarios.cells import read_suite
from scenarios.child import LOST
from scenarios.errors import UserError
from scenarios.measures.trials import FOLDER as TRIALS
from scenarios.measures.trials import Trial

#: Keys of a suite that are behind every trial, and what they are called where they differ.
_BEHIND_ALL: Final = {
    "program": "another version of the program", "mode": "another mode", "limits": "other limits",
    "common": "other words for every trial (common)",
}  # fmt: skip
#: What is settled once there are results on test seeds, beside these: entrants may join, and nothing else.
_CHOSEN_BEFORE: Final = ("scenarios", "budget", "seeds.dev")
_Place = tuple[str, int, str, str]


def check(store: Store, asked: Mapping[str, Any], groups: Sequence[Group]) -> None:
    """Refuse to go on in a folder whose finished trials are not of this benchmark.

    Args:
        store: the folder.
        asked: the suite as it is to be kept.
        groups: its trials; their keys do not matter.

    Raises:
        UserError: naming what differs.
    """
    finished = [store.trial(key) for key in sorted(store.keys(TRIALS))]
    if not finished:
        return
    before = read_suite(store.out)
    _check_seeds(store, asked["seeds"], before.get("seeds") or {}, finished)
    other = next((told for key, told in _BEHIND_ALL.items() if before.get(key) != asked[key]), "")
    known = before.get("scenarios") or {}
    for name, words in asked["scenarios"].items():
        if not other and name in known and known[name] != words:
            other = f"another scenario {name}"
    planned = {_place(task) for group in groups for task in group.tasks}
    strangers = [trial for trial in finished if _place(trial) not in planned]
    if not other and strangers:
        other = f"an entrant, scenario or seed that is not asked for ({', '.join(map(str, _place(strangers[0])))})"
    if other:
        count = len(strangers) or len(finished)
        raise UserError(f"out={store.out}: holds {count} trials of {other}; overwrite=true begins anew, or name "
                        "another folder")
    held = {**asked, "scenarios": sorted(asked["scenarios"]), "seeds.dev": asked["seeds"]["dev"]}
    past = {**before, "scenarios": sorted(known), "seeds.dev": (before.get("seeds") or {}).get("dev")}
    for key in _CHOSEN_BEFORE:
        if held[key] != past.get(key):
            _check_in_sight(store, key, "what they are judged by", finished)


def _check_seeds(store: Store, asked: Mapping[str, Any], before: Mapping[str, Any], finished: list[Trial]) -> None:
    if any(asked[key] != before.get(key) for key in ("test", "salt")):
        _check_in_sight(store, "seeds.test", "others", finished)


def _check_in_sight(store: Store, key: str, what: str, finished: list[Trial]) -> None:
    done = sum(trial.split == "test" for trial in finished)
    if done:
        raise UserError(f"{key}: out={store.out} holds {done} trials on the test seeds that were committed to, and "
                        f"{what} may not be chosen with results in sight; overwrite=true begins anew, or name another "
                        "folder")


def _place(one: Any) -> _Place:
    return one.scenario, one.seed, one.split, one.entrant


def forget_lost(store: Store) -> None:
    """Have what broke off because its watcher was ended done again."""
    for folder in (TRIALS, CURVES, RECORDINGS):
        for key in store.keys(folder):
            told = store.get(folder, key)
            if told["status"] == "killed" and told["message"].removeprefix("the recording: ") == LOST:
                store.put_aside(folder, key)


def put_aside_changed(store: Store, groups: Sequence[Group]) -> None:
    """Put aside the trials of entrants that changed since; they are done again."""
    for key in store.keys(TRIALS) - {task.key for group in groups for task in group.tasks}:
        store.put_aside(TRIALS, key)
