"""The chance line against alerts that are really put at other times, and against operators that know nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.match import HOUR, NULL, admissible, foretold
from scenarios.measures.chance import chance_of, covered
from scenarios.measures.detecting import Detection, detect
from scenarios.measures.run import Run
from scenarios.reader import RunReader
from tests.scenarios.test_measures import DAYS, exception, rows, write

AROUND = DAYS * 24
CELLS = [{"location": f"S000{number % 2 + 1}", "item": f"I0000{number}"} for number in range(6)]


def _run(folder: Path, alerts: list[dict[str, object]]) -> tuple[Run, Detection]:
    """Forty exceptions of two types at random on six cells, and the alerts given."""
    draw = np.random.default_rng(3)
    broken = [exception(number, ("phantom_stock", "posting_lag")[number % 2], int(opened), int(opened) + 1,
                        closed_at=int(opened) + int(length), **CELLS[number % 6])
              for number, (opened, length) in enumerate(draw.integers((1, 4), (AROUND - 150, 140), (40, 2)))]
    content = {"truth/exceptions": [rows("truth/exceptions", *broken)], "alerts": [rows("alerts", *alerts)],
               "truth/faults": [rows("truth/faults", *({"fault_id": n, "type": "shrink"} for n in range(40)))]}
    write(folder, ("clean", "unmanaged"), content)
    run = Run(RunReader(folder))
    return run, detect(run, "unmanaged", run.of_operator("alerts", "unmanaged"), run.of_operator("cases", "unmanaged"))


def _alert(number: int, raised: int, cell: int, kind: str, **more: object) -> dict[str, object]:
    return {"alert_id": number, "raised_at": raised, "detector": "d", "type": kind, "score": 1.0, **CELLS[cell], **more}


def test_it_is_what_alerts_at_other_times_find(tmp_path: Path) -> None:
    draw = np.random.default_rng(7)
    alerts = [_alert(number, int(draw.integers(0, AROUND)), int(draw.integers(0, 6)),
                     ("phantom_stock", "posting_lag")[int(draw.integers(0, 2))]) for number in range(60)]
    for alert in alerts[::3]:
        alert["deadline"] = int(str(alert["raised_at"])) + int(draw.integers(1, 300))
    run, found = _run(tmp_path / "run", alerts)
    begin, end = run.horizon
    ahead = foretold(found.incidents, run.rules)
    hits, turns = np.zeros(len(found.exceptions)), 400
    for turn in draw.integers(0, end - begin, turns):
        raised = begin + (found.incidents["raised_at"].to_numpy() - begin + turn) % (end - begin)
        # What reaches over the end of the run comes in again at its beginning.
        again = pd.concat([found.incidents.assign(raised_at=raised + lap * (end - begin)) for lap in (-1, 0, 1)])
        again["deadline"] = np.where(np.tile(ahead, 3) > 0, again["raised_at"] + np.tile(ahead, 3), NULL)
        again = again.reset_index(drop=True)
        size = len(found.incidents)
        pairs = pd.concat([found.subjects.assign(incident=found.subjects["incident"] + lap * size) for lap in range(3)])
        fits = admissible(pairs.reset_index(drop=True), again, found.exceptions, run.rules)
        hits[fits["exception"].unique()] += 1
    chance = chance_of(run, found)
    assert chance.max() > 0.4
    error = np.sqrt(np.maximum(chance * (1 - chance), 1e-3) / turns)
    assert np.abs(hits / turns - chance).max() < 4.5 * error.max()
    assert np.all(np.abs(hits / turns - chance) < 4.5 * error)


@pytest.mark.parametrize("deadline", [None, 24 * 3650])
def test_whoever_says_everything_all_the_time_has_no_skill(tmp_path: Path, deadline: int | None) -> None:
    """A clockwork, and a prophet of everything for ever; by a Poisson of its rate the first would seem to know much."""
    alerts = [_alert(0, raised, cell, kind, deadline=deadline and raised + deadline)
              for cell in range(6) for kind in ("phantom_stock", "posting_lag") for raised in range(0, AROUND, 48)]
    run, found = _run(tmp_path / "run", [{**alert, "alert_id": number} for number, alert in enumerate(alerts)])
    judged = found.judged
    recall = (judged["found"] | judged["explained"]).mean()
    assert recall > 0.6
    assert recall - chance_of(run, found)[judged.index.to_numpy()].mean() < 0.1


def test_a_prophecy_reaches_as_far_as_its_window(tmp_path: Path) -> None:
    alerts = [_alert(number, 0, number, "phantom_stock", deadline=AROUND) for number in range(6)]
    run, found = _run(tmp_path / "run", alerts)
    assert set(foretold(found.incidents, run.rules)) == {100 * HOUR}
    early = found.exceptions["opened_at"].to_numpy() <= run.horizon[0] + 100 * HOUR
    kind = (found.exceptions["type"] == "phantom_stock").to_numpy()
    hit = np.zeros(len(kind), dtype=bool)
    hit[found.pairs["exception"].unique()] = True
    assert (early & kind).any()
    assert hit[early & kind].all()
    assert not hit[~early].any()


arcs = st.lists(st.tuples(st.integers(0, 2), st.integers(-60, 60), st.integers(0, 70)), max_size=8)


@given(arcs)
def test_arcs_cover_what_their_points_do(drawn: list[tuple[int, int, int]]) -> None:
    around = 50
    expected = np.zeros((3, around), dtype=bool)
    for owner, start, length in drawn:
        expected[owner, np.arange(start, start + min(length, around)) % around] = True
    owner, start, length = (np.array([row[n] for row in drawn], np.int64) for n in range(3))
    assert covered(start, start + length, owner, 3, around) == pytest.approx(expected.mean(axis=1))


def test_a_breach_that_was_foretold_and_prevented_is_no_false_alarm(tmp_path: Path) -> None:
    """In the managed arm nothing broke: what the unmanaged arm broke in time speaks for the alert, and no more."""
    told = [_alert(number, raised, cell, "phantom_stock", deadline=raised + 50)
            for number, (raised, cell) in enumerate([(20, 0), (20, 1), (200, 2)])]
    content = {"truth/exceptions": [rows("truth/exceptions", *(exception(n, "phantom_stock", 60, 61, **CELLS[n])
                                                               for n in (0, 2)))],
               "alerts": [rows("alerts", *told, arm="managed")]}
    write(tmp_path / "run", ("clean", "unmanaged", "managed"), content)
    run = Run(RunReader(tmp_path / "run"))
    found = detect(run, "managed", run.of_operator("alerts", "managed"), run.of_operator("cases", "managed"))
    assert dict(zip(found.incidents["location"] + found.incidents["item"], found.incidents["true"], strict=True)) == {
        "S0001I00000": True, "S0002I00001": False, "S0001I00002": False,
    }
    assert found.exceptions.empty
