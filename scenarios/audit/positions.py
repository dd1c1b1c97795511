"""Detectors that know only a position in time, and the fair chance of what they raise.

One knows the hour of the day, the other that the run is nearly over; each raises everything that it can name then.
Both raise a lot, and by the clock, so a chance line for alerts at random times does not fit them: the same alerts,
all moved round the run by the same time, are as many, as regular and on the same subjects, and only the position is
lost. Documents are not named: one that is on its way just then is knowledge of more than a position. What the alerts
find in their place beyond what they find moved, as a share of what is left to find, is the skill that lies in the
position.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pandas as pd

from detection.taxonomy import Finding
from scenarios.audit.judging import Recorded, as_alerts, value
from scenarios.bench.recording import ARM
from scenarios.match import HOUR
from scenarios.measures.detecting import detect
from scenarios.measures.detection import measure_detection
from scenarios.measures.run import Run
from sim.events import INTERFACES

#: Share of the run that the detector of its end raises everything in.
TAIL: Final = 0.1
#: Moves of what knows the hour, to other hours, evenly; and of what knows the end, to every other tenth.
HOURS: Final = (3, 6, 9, 12, 15, 18, 21)
TENTHS: Final = tuple(range(1, 10))
_DAY: Final = 24 * HOUR


def skill_of(run: Run, alerts: pd.DataFrame, moves: Sequence[int]) -> float | None:
    """Recall beyond what the same alerts find when they are moved, over what that leaves; None without exceptions.

    Args:
        run: with the truth.
        alerts: as the measures read them.
        moves: microseconds by which all of them are moved, round the run.
    """
    begin, end = run.horizon
    raised = alerts["raised_at"].to_numpy()
    found = recall_of(run, alerts)
    moved = [recall_of(run, alerts.assign(raised_at=begin + (raised - begin + by) % (end - begin))) for by in moves]
    known = [one for one in moved if one is not None]
    if found is None or not known:
        return None
    chance = float(np.mean(known))
    return (found - chance) / (1 - chance) if chance < 1 else None


def recall_of(run: Run, alerts: pd.DataFrame) -> float | None:
    """Recall of alerts without cases; None where there was nothing to find."""
    alerts = alerts.sort_values("raised_at", kind="stable", ignore_index=True)
    found = detect(run, ARM, alerts, run.of_operator("cases", ARM).iloc[:0])
    return value(measure_detection(run, found, ARM)["recall"])


def at_the_end(recording: Recorded, run: Run) -> pd.DataFrame:
    """In the last tenth of the run, once a day: every interface, every shop's clock, and every cell that there is."""
    return as_alerts(recording.layout, _claims(recording, run))


def tenths_of(run: Run) -> list[int]:
    """Moves to the other tenths of the run."""
    begin, end = run.horizon
    return [round((end - begin) * number * TAIL) for number in TENTHS]


def hours() -> list[int]:
    """Moves to other hours of the day."""
    return [hour * HOUR for hour in HOURS]


def _claims(recording: Recorded, run: Run) -> Iterator[tuple[int, Finding]]:
    begin, end = run.horizon
    layout = recording.layout
    for now in range(round(end - TAIL * (end - begin)), end, _DAY):
        for interface in range(len(INTERFACES)):
            yield now, Finding("api_outage", interface=interface)
        for location in range(layout.locations):
            if location:
                yield now, Finding("clock_skew", location=location)
            for item in range(layout.items):
                yield now, Finding("phantom_stock", location=location, item=item)
