"""What knowing nothing gives, and what knowing more gives: positions, shuffled truth, and stronger faults.

A detector that knows only the hour, or only that the run is nearly over, must have no skill; nor may the standard
operator have any against a truth whose times were shuffled. Faults must be what is found: the exceptions of a world are
not found by what is raised in its twin with fewer faults. Recall must not fall where there are many, and where there
are none, no more may be raised than the usual false alarms.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from scenarios import statistics
from scenarios.audit import positions
from scenarios.audit.judging import Recorded, operate, recorded, scored, value
from scenarios.audit.line import AuditLine, line
from scenarios.audit.positions import recall_of
from scenarios.audit.settings import Settings
from scenarios.bench.recording import ARM
from scenarios.match import NULL
from scenarios.measures.detecting import detect
from scenarios.measures.detection import measure_detection
from scenarios.measures.run import Run


@dataclass(frozen=True)
class Skills:
    """Skill over chance on one seed, of what should have none; None where there was nothing to find."""

    time_of_day: float | None
    last_tenth: float | None
    shuffled: float | None


def skills(recording: Recorded, seed: int) -> Skills:
    """The skills of one test seed."""
    clock, run = operate(recording, "time_of_day"), recording.run()
    standard = operate(recording, "standard")
    shuffled = Shuffled(standard, seed)
    found = detect(shuffled, ARM, standard.of_operator("alerts", ARM), standard.of_operator("cases", ARM).iloc[:0])
    return Skills(
        positions.skill_of(clock, clock.of_operator("alerts", ARM)),
        positions.skill_of(run, positions.at_the_end(recording, run)),
        value(measure_detection(shuffled, found, ARM)["skill"]),
    )


class Shuffled(Run):
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
        # One seed says nothing of the next, and seeds that differ much do not show that there is none.
        inside = mean is not None and mean.high is not None and mean.high <= settings.skill
        made.append(line(row, mean, f"interval below {settings.skill:g}", inside=inside,
                         note="beyond the chance line, by seed: " + ", ".join(f"{one:.3f}" for one in values)))
    return made


@dataclass(frozen=True)
class Swept:
    """What the standard operator did with one seed at every scale, rising.

    Attributes:
        recall: of the exceptions at each scale; None where there are none.
        placebo: of the exceptions at each scale but the first, by what was raised at the scale before.
        paired: the same exceptions by what was raised at their own scale, by alerts alone as well.
        incidents: a location and day, at each scale.
        untrue: those of them that were about nothing.
    """

    recall: tuple[float | None, ...]
    placebo: tuple[float | None, ...]
    paired: tuple[float | None, ...]
    incidents: tuple[float, ...]
    untrue: tuple[float, ...]


def swept(settings: Settings, seed: int, folder: Path) -> Swept:
    """The standard operator over the sweep of one seed.

    A seed's worlds are twins: what goes wrong at one scale goes wrong at every higher one.
    """
    runs = [
        operate(recorded([*settings.scale_world, f"faults.scale={scale:g}"], seed, folder / f"{scale:g}"), "standard")
        for scale in settings.scales
    ]
    results = [scored(run) for run in runs]
    alerts = [run.of_operator("alerts", ARM) for run in runs]
    steps = range(1, len(runs))
    found = [found for found, _ in results]
    exposure = [run.locations * run.days for run in runs]
    return Swept(
        tuple(value(measures["recall"]) for _, measures in results),
        tuple(recall_of(runs[step], alerts[step - 1]) for step in steps),
        tuple(recall_of(runs[step], alerts[step]) for step in steps),
        tuple(len(one.incidents) / days for one, days in zip(found, exposure, strict=True)),
        tuple(int((~one.incidents["true"].astype(bool)).sum()) / days
              for one, days in zip(found, exposure, strict=True)),
    )


def scale_lines(found: Sequence[Swept], settings: Settings) -> list[AuditLine]:
    """The rows of the audit: faults are what is found, recall does not fall with many, and none means silence."""
    return [_gain_line(found, settings), _fall_line(found, settings), _level_line(found, settings)]


def _gain_line(found: Sequence[Swept], settings: Settings) -> AuditLine:
    """Recall of the same exceptions rises when what causes them is there: the least gain of all steps."""
    gains = [
        statistics.mean([own - before for one in found
                         if (own := one.paired[step]) is not None and (before := one.placebo[step]) is not None])
        for step in range(len(settings.scales) - 1)
    ]
    known = [gain for gain in gains if gain is not None]
    least = min(known, key=lambda gain: gain.value) if len(known) == len(gains) else None
    note = "; ".join(
        f"those of ×{high:g}: {_percent([one.placebo[step] for one in found])} at ×{low:g}, "
        f"{_percent([one.paired[step] for one in found])} at ×{high:g}"
        for step, (low, high) in enumerate(itertools.pairwise(settings.scales)))
    row = "detectability: recall rises, least gain of a step in recall of the exceptions of the higher scale"
    return line(row, least, "interval above 0", inside=least is not None and least.low is not None and least.low > 0,
                note=f"alerts alone, by what is raised in the twin one step below and in their own world: {note}")


def _fall_line(found: Sequence[Swept], settings: Settings) -> AuditLine:
    """From the least scale with faults to the greatest, each against its own exceptions, a seed at a time."""
    change = statistics.mean([last - first for one in found
                              if (first := one.recall[1]) is not None and (last := one.recall[-1]) is not None])
    note = ", ".join(f"×{scale:g}: {_percent([one.recall[step] for one in found])}"
                     for step, scale in enumerate(settings.scales))
    name = f"detectability: change of recall from ×{settings.scales[1]:g} to ×{settings.scales[-1]:g}"
    return line(name, change, f"interval above -{settings.recall_fall:g}",
                inside=change is not None and change.low is not None and change.low > -settings.recall_fall,
                note=f"recall {note}; a share of what is there, it has no cause to rise once faults are frequent")


def _level_line(found: Sequence[Swept], settings: Settings) -> AuditLine:
    """Incidents where nothing goes wrong against untrue ones at the usual rates, a seed at a time."""
    usual = settings.scales.index(1.0) if 1.0 in settings.scales else 1
    beyond = statistics.mean([one.incidents[0] - one.untrue[usual] for one in found])
    margin = settings.level_margin
    silent, untrue = (float(np.mean(values)) for values in (
        [one.incidents[0] for one in found], [one.untrue[usual] for one in found]))
    inside = beyond is not None and beyond.low is not None and beyond.high is not None
    return line(f"detectability: incidents at ×0 less the false alarms at ×{settings.scales[usual]:g}, a location-day",
                beyond, f"interval within ±{margin:g}",
                inside=inside and beyond.low >= -margin and beyond.high <= margin,  # type: ignore[union-attr, operator]
                note=f"{silent:.3g} at ×0, {untrue:.3g} false alarms at ×{settings.scales[usual]:g}")


def _percent(values: Sequence[float | None]) -> str:
    known = [one for one in values if one is not None]
    return f"{np.mean(known):.1%}" if known else "nothing to find"
