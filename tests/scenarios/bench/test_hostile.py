"""Detectors that misbehave in every way beside ordinary ones: each has its status, and nobody else notices."""

import csv
import time
import uuid
from pathlib import Path

import pytest
from benches import finish, marked, start

from scenarios.measures.trials import read_trials
from tests.detection.hostile import HOSTILE

ORDINARY = """\
mode: shadow
common: [world.stores=2, world.items=30, world.days=7, world.suppliers=5]
scenarios:
  wild: [faults.scale=4]
  calm: [scenario=calm, world.days=3]
seeds: {test: [21]}
limits: {seconds: 100, gib: 6}
entrants:
  standard: [detector=standard]
  random: [detector=random]
  never: [detector=never]
"""
#: What a hang costs, and what room there is to hoard: enough to start, or the status would be another's.
LIMITS = {"Hangs": "detector.limit_seconds=10", "Hoards": "detector.limit_megabytes=2000"}
CROWD = ORDINARY + "".join(
    f"  {name}: [{', '.join(['detector.plugin=tests.detection.hostile:' + name, *filter(None, [LIMITS.get(name)])])}]\n"
    for name in HOSTILE
)


def rows(out, without=()):
    """The lines of a leaderboard as they were written, less those of some entrants."""
    lines = (out / "leaderboard.csv").read_text().splitlines()
    place = next(csv.reader(lines[:1])).index("entrant")
    return [line for line in lines if next(csv.reader([line]))[place] not in without]


def words_of(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.campaign
def test_each_has_its_status_all_other_rows_are_those_of_a_clean_run_and_no_process_is_left(tmp_path):
    clean, crowded, mark = tmp_path / "clean", tmp_path / "crowded", uuid.uuid4().hex
    finish(clean, "workers=2", suite=ORDINARY)

    process, seen = start(crowded, "workers=2", suite=CROWD, mark=mark), set()
    while process.poll() is None:
        seen |= {name for pid in marked(mark) for name in HOSTILE if f"hostile:{name}\0".encode() in words_of(pid)}
        time.sleep(0.1)
    told = process.communicate()[0]
    assert process.returncode == 0, told

    # Without this an empty list of processes would prove nothing: the mark is on those that may be left behind.
    assert {"Hangs", "Forks", "LeavesProcesses"} <= seen
    until = time.monotonic() + 10
    while marked(mark) and time.monotonic() < until:
        time.sleep(0.1)
    assert [words_of(pid) for pid in marked(mark)] == []

    trials = read_trials(crowded)
    statuses = {(trial.scenario, trial.entrant): trial.status for trial in trials}
    print({name: statuses["wild", name] for name in HOSTILE})  # noqa: T201
    assert {status for status in statuses.values() if status != "ok"} == set(HOSTILE.values())
    for scenario in ("wild", "calm"):
        assert {name: statuses[scenario, name] for name in HOSTILE} == HOSTILE
    assert f"{2 * len(HOSTILE)} of {2 * (3 + len(HOSTILE))} trials failed" in told
    assert rows(crowded, without=HOSTILE) == rows(clean)
    assert len(rows(crowded)) > len(rows(clean)) > 10
