"""Detectors that know only a position in time.

One knows the hour of the day, the other that the run is nearly over; each raises everything that it can name then.
The chance line is what fits them: the same alerts at every other position in the run. Documents are not named: one
that is on its way just then is knowledge of more than a position.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

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
_DAY: Final = 24 * HOUR


def skill_of(run: Run, alerts: pd.DataFrame) -> float | None:
    """Skill of alerts without cases; None without exceptions."""
    return _measured(run, alerts, "skill")


def recall_of(run: Run, alerts: pd.DataFrame) -> float | None:
    """Recall of alerts without cases; None where there was nothing to find."""
    return _measured(run, alerts, "recall")


def _measured(run: Run, alerts: pd.DataFrame, name: str) -> float | None:
    found = detect(run, ARM, alerts, run.of_operator("cases", ARM).iloc[:0])
    return value(measure_detection(run, found, ARM)[name])


def at_the_end(recording: Recorded, run: Run) -> pd.DataFrame:
    """In the last tenth of the run, once a day: every interface, every shop's clock, and every cell that there is."""
    return as_alerts(recording.layout, _claims(recording, run))


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
