"""What knowing nothing gives, and what knowing more gives: positions, shuffled truth, and stronger faults.

A detector that knows only the hour, or only that the run is nearly over, must have no skill; nor may the standard
operator have any against a truth whose times were shuffled. Where everything goes wrong more often, more must be
found, and where nothing is switched on, nothing is left but false alarms.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from detection.taxonomy import Finding
from scenarios import statistics
from scenarios.audit.judging import Recorded, detected, operate, recorded, scored, value
from scenarios.audit.line import AuditLine, line
from scenarios.audit.settings import Settings
from scenarios.bench.recording import ARM
from scenarios.match import HOUR, NULL
from scenarios.measures.detecting import detect
from scenarios.measures.detection import measure_detection
from scenarios.measures.run import Run
from sim.events import INTERFACES

#: Share of the run that the detector of its end raises everything in.
_TAIL = 0.1


@dataclass(frozen=True)
class Skills:
    """Skill over chance on one seed, of what should have none; None where there was nothing to find."""

    time_of_day: float | None
    last_tenth: float | None
    shuffled: float | None


def skills(recording: Recorded, seed: int) -> Skills:
    """The skills of one test seed."""
    _, by_hour = scored(operate(recording, "time_of_day"))
    run = recording.run()
    tail = detected(run, recording.layout, _at_the_end(recording, run))
    late = measure_detection(run, tail, ARM)
    standard = operate(recording, "standard")
    shuffled = _Shuffled(standard, seed)
    found = detect(shuffled, ARM, standard.of_operator("alerts", ARM), standard.of_operator("cases", ARM).iloc[:0])
    against = measure_detection(shuffled, found, ARM)
    return Skills(value(by_hour["skill"]), value(late["skill"]), value(against["skill"]))


def _at_the_end(recording: Recorded, run: Run) -> Iterator[tuple[int, Finding]]:
    """In the last tenth of the run, every hour: each interface, each shop's clock, and what each shop just sold."""
    begin, end = run.horizon
    for now, rows in recording.steps():
        if now < end - _TAIL * (end - begin) or now % HOUR:
            continue
        for interface in range(len(INTERFACES)):
            yield now, Finding("api_outage", interface=interface)
        for location in range(1, recording.layout.locations):
            yield now, Finding("clock_skew", location=location)
        for block in rows.of("retail_selling"):
            for location, item in zip(block.get("location").tolist(), block.get("item").tolist(), strict=True):
                yield now, Finding("phantom_stock", location=location, item=item)


class _Shuffled(Run):
    """A run whose exceptions kept their subjects and lengths, and were moved in time by a lot of their own each."""

    def __init__(self, run: Run, seed: int) -> None:
        super().__init__(run.reader)
        self._seed = seed

    def table(self, name: str, arm: str) -> pd.DataFrame:
        """See :class:`Run`."""
        table = super().table(name, arm)
        if name != "truth/exceptions":
            return table
        begin, end = self.horizon
        opened = table["opened_at"].to_numpy()
        lot = np.random.default_rng(self._seed).integers(0, end - begin, len(table))
        moved = begin + (opened - begin + lot) % (end - begin) - opened
        stamps = {column: table[column].to_numpy() for column in ("opened_at", "first_evidence_at", "closed_at")}
        return table.assign(**{column: np.where(at == NULL, NULL, at + moved) for column, at in stamps.items()})


def skill_lines(found: Sequence[Skills], settings: Settings) -> list[AuditLine]:
    """The rows of the audit: none may have skill."""
    made = []
    for row, name in (
        ("position bias: skill of a detector that knows the time of day", "time_of_day"),
        ("position bias: skill of a detector that knows the last tenth of the run", "last_tenth"),
        ("shuffled truth: skill of the standard operator", "shuffled"),
    ):
        values = [one for skill in found if (one := getattr(skill, name)) is not None]
        mean = statistics.mean(values)
        lowest = None if mean is None else mean.value if mean.low is None else mean.low
        inside = lowest is not None and lowest <= settings.skill
        made.append(line(row, mean, f"interval not above {settings.skill:g}", inside=inside))
    return made


@dataclass(frozen=True)
class Found:
    """What the standard operator did with faults at one scale, a location and day.

    Attributes:
        true: exceptions found by an incident of their own.
        untrue: untrue incidents.
        alerts: incidents in all.
        exceptions: there were.
    """

    true: float
    untrue: float
    alerts: float
    exceptions: float


def found_at(settings: Settings, scale: float, seed: int, folder: Path) -> Found:
    """The standard operator over one seed of the sweep."""
    recording = recorded([*settings.scale_world, f"faults.scale={scale:g}"], seed, folder)
    run = operate(recording, "standard")
    found, _ = scored(run)
    exposure = run.locations * run.days
    untrue = int((~found.incidents["true"].astype(bool)).sum())
    counts = (len(found.matched), untrue, len(found.incidents), len(found.exceptions))
    return Found(*(count / exposure for count in counts))


def scale_lines(found: Mapping[tuple[float, int], Found], settings: Settings) -> list[AuditLine]:
    """The rows of the audit: more is found step by step, and without faults there is nothing but false alarms."""
    steps, seeds = settings.scales, settings.scale_seeds
    gains = [
        statistics.mean([found[high, seed].true - found[low, seed].true for seed in seeds])
        for low, high in itertools.pairwise(steps)
    ]
    known = [gain for gain in gains if gain is not None]
    least = min(known, key=lambda gain: gain.value) if known else None
    means = [float(np.mean([found[scale, seed].true for seed in seeds])) for scale in steps]
    note = ", ".join(f"×{scale:g}: {mean:.3g}" for scale, mean in zip(steps, means, strict=True))
    lowest = None if least is None else least.value if least.low is None else least.low
    rising = line("detectability: least gain in exceptions found a location-day, step to step", least, "above 0",
                  inside=lowest is not None and lowest > 0, note=f"found a location-day {note}")
    nothing = [found[steps[0], seed].alerts - found[steps[0], seed].untrue for seed in seeds]
    at_zero = statistics.mean(nothing)
    alarms = statistics.mean([found[steps[0], seed].alerts for seed in seeds])
    level = statistics.mean([found[1.0, seed].untrue for seed in seeds]) if 1.0 in steps else None
    told = f"alerts at ×0 {alarms.value if alarms else 0:.3g}, untrue ones at ×1 {level.value if level else 0:.3g}"
    return [rising, line("detectability: incidents at ×0 beyond the false alarms, a location-day", at_zero, "0",
                         inside=at_zero is not None and at_zero.value == 0, note=told)]
