"""How often something is wrong, and when: density per location-day, and whether time in the run tells anything."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from scenarios import statistics
from scenarios.audit.line import AuditLine, line
from scenarios.audit.settings import Settings
from scenarios.bench.recording import ARM
from scenarios.match import HOUR, NULL, explode
from scenarios.measures.detecting import OPEN_AT_START
from scenarios.measures.run import Run
from scenarios.statistics import Estimate


@dataclass(frozen=True)
class Frequency:
    """One seed's exceptions.

    Attributes:
        exceptions: a location and day, those open at the start too.
        hours: of open exceptions, a location and day.
        openings: when in the run each fault first broke a rule, 0 to 1; without those there at the start.
    """

    exceptions: float
    hours: float
    openings: npt.NDArray[np.float64]


def frequency(run: Run) -> Frequency:
    """What a recording's truth says of how often and when."""
    table = run.table("truth/exceptions", ARM)
    begin, end = run.horizon
    opened = np.clip(table["opened_at"].to_numpy(), begin, end)
    closed = np.where(table["closed_at"] == NULL, end, np.clip(table["closed_at"], begin, end))
    exposure = run.locations * run.days
    # What one fault breaks it breaks in a row; only the first of a family is an event of its own.
    pairs = explode(table["faults"], "exception", "fault_id")
    pairs = pairs.assign(opened=opened[pairs["exception"].to_numpy()]).sort_values(["opened", "exception"])
    first = pairs[~pairs["fault_id"].duplicated()]
    alone = first[~first["exception"].duplicated()]
    fresh = alone.loc[alone["opened"] > begin + OPEN_AT_START, "opened"].to_numpy()
    return Frequency(len(table) / exposure, float((closed - opened).sum()) / HOUR / exposure,
                     np.sort((fresh - begin) / (end - begin)))


def lines(found: Sequence[Frequency], settings: Settings) -> list[AuditLine]:
    """The rows of the audit."""
    made = []
    for name, values, (least, most) in (
        ("exceptions", [one.exceptions for one in found], settings.exceptions),
        ("exception-hours", [one.hours for one in found], settings.exception_hours),
    ):
        mean = statistics.mean(values)
        inside = mean is not None and least <= mean.value <= most
        made.append(line(f"density: {name} a location-day", mean, f"{least:g} to {most:g}", inside=inside))
    made.append(_position(np.concatenate([one.openings for one in found]), settings))
    return made


def _position(openings: npt.NDArray[np.float64], settings: Settings) -> AuditLine:
    """Kolmogorov and Smirnov's distance of all openings from uniform, where there are as many as were declared."""
    row = "position bias: start over horizon against uniform (KS)"
    limit = f"distance at most {settings.uniform_distance:g}"
    if len(openings) < settings.openings:
        note = f"{len(openings)} openings; the test needs {settings.openings}"
        return line(row, None, limit, inside=False, note=note)
    result = stats.kstest(openings, "uniform")
    distance, half = float(result.statistic), math.sqrt(math.log(2 / 0.05) / (2 * len(openings)))
    return line(row, Estimate(distance, max(0.0, distance - half), distance + half, len(openings)), limit,
                inside=distance + half <= settings.uniform_distance,
                note=f"what the best cut in time tells better than a lot; p {result.pvalue:.1g}, which falls with the "
                     "number of openings however small the distance is; interval of Dvoretzky, Kiefer and Wolfowitz")
