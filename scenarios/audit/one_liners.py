"""Triviality: how much of what is hard the best of about two hundred one-liners finds.

On the dev seeds every rule runs over the same recordings in one pass and is scored by its own alerts. The one that
finds most inferred exceptions (mean over types) within the budget of false alarms is chosen; ties go to the lower
number. Only then are the test seeds looked at, with that one rule in the place of the detector.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from detection.detectors.one_liner import BEST, RULES, Line
from detection.taxonomy import Finding
from scenarios import statistics
from scenarios.audit.judging import Recorded, detected, operate, recorded, scored
from scenarios.audit.line import AuditLine, line
from scenarios.audit.settings import Settings
from scenarios.measures.detecting import Detection
from scenarios.statistics import Estimate

#: A rule that has raised so many times its budget is over it, whatever is true of the rest.
_HOPELESS = 20


@dataclass(frozen=True)
class Tally:
    """What rules did on one seed.

    Attributes:
        types: inferred types that were held to be found.
        judged: exceptions of each, shape (types,).
        found: those that each rule found, shape (rules, types).
        untrue: untrue incidents of each rule, shape (rules,); infinite where it was stopped.
        exposure: location-days.
    """

    types: tuple[str, ...]
    judged: npt.NDArray[np.float64]
    found: npt.NDArray[np.float64]
    untrue: npt.NDArray[np.float64]
    exposure: float


def tally(settings: Settings, seed: int, folder: Path) -> Tally:
    """Every rule over one dev seed."""
    recording = recorded(settings.world, seed, folder)
    run, layout = recording.run(), recording.layout
    exposure = run.locations * run.days
    most = _HOPELESS * settings.budget * exposure
    nothing = detected(run, layout, [])
    types, judged, _ = _inferred(nothing)
    found, untrue = np.zeros((len(RULES), len(types))), np.full(len(RULES), np.inf)
    for number, raised in enumerate(_all_rules(recording, most)):
        if raised is None:
            continue
        seen = detected(run, layout, raised)
        found[number] = _inferred(seen)[2]
        untrue[number] = int((~seen.incidents["true"].astype(bool)).sum())
    return Tally(types, judged, found, untrue, exposure)


def _all_rules(recording: Recorded, most: float) -> Iterator[list[tuple[int, Finding]] | None]:
    """What each rule raised, in their order; None for one that raised far too much."""
    lines = [Line(rule, recording.layout) for rule in RULES]
    raised: list[list[tuple[int, Finding]] | None] = [[] for _ in RULES]
    for now, rows in recording.steps():
        for number, one in enumerate(lines):
            kept = raised[number]
            if kept is not None:
                kept.extend((now, finding) for finding in one.step(now, rows))
                if len(kept) > most:
                    raised[number] = None
    yield from raised


def _inferred(found: Detection) -> tuple[tuple[str, ...], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Inferred types that are judged, how many of each there are, and how many were found."""
    judged = found.judged
    judged = judged[~judged["announced"].to_numpy(dtype=bool)]
    hit = (judged["found"] | judged["explained"]).astype(float)
    by_type = hit.groupby(judged["type"].astype(str)).agg(["size", "sum"])
    return tuple(by_type.index), by_type["size"].to_numpy(float), by_type["sum"].to_numpy(float)


@dataclass(frozen=True)
class Choice:
    """The best rule of the dev seeds.

    Attributes:
        number: of :data:`RULES`; -1 if none keeps the budget.
        recall: of inferred exceptions on dev, mean over types.
        by_type: the most that any rule within the budget finds of each type, and that rule's number.
        tried: rules that kept the budget.
    """

    number: int
    recall: float
    by_type: dict[str, tuple[float, int]]
    tried: int


def choose(tallies: Sequence[Tally], false_alarms: float) -> Choice:
    """The rule with the highest mean over types of the share found, at most ``false_alarms`` a location-day."""
    types = sorted({name for one in tallies for name in one.types})
    judged, found = np.zeros(len(types)), np.zeros((len(RULES), len(types)))
    for one in tallies:
        places = [types.index(name) for name in one.types]
        judged[places] += one.judged
        found[:, places] += one.found
    untrue = sum((one.untrue for one in tallies), np.zeros(len(RULES)))
    within = untrue <= false_alarms * sum(one.exposure for one in tallies)
    share = np.where(within[:, None], found / judged, -1.0) if types else np.zeros((len(RULES), 1))
    if not within.any() or not types:
        return Choice(-1, 0.0, {}, 0)
    mean = share.mean(axis=1)
    best, of_type = int(mean.argmax()), share.argmax(axis=0)
    by_type = {name: (float(share[of_type[n], n]), int(of_type[n])) for n, name in enumerate(types)}
    return Choice(best, float(mean[best]), by_type, int(within.sum()))


def tested(recording: Recorded, number: int) -> tuple[float | None, float | None]:
    """Recall of inferred exceptions and false alarms a location-day of one rule, as an operator's detector."""
    _, results = scored(operate(recording, "one_liner", {"rule": float(number)}))
    recall, alarms = results["recall_inferred"], results["false_alarms_per_location_day"]
    return tuple(one.value if isinstance(one, Estimate) else None for one in (recall, alarms))  # type: ignore[return-value]


def lines(choice: Choice, test: Sequence[tuple[float | None, float | None]], settings: Settings) -> list[AuditLine]:
    """The row of the audit, and what it should say of single types."""
    recall = statistics.mean([one for one, _ in test if one is not None])
    alarms = statistics.mean([one for _, one in test if one is not None])
    if choice.number < 0:
        return [line("triviality: best one-liner", None, "", inside=False, note="no rule keeps the budget")]
    easy = sorted(choice.by_type.items(), key=lambda pair: -pair[1][0])
    trivial = ", ".join(f"{name} {share:.0%} (rule {rule})" for name, (share, rule) in easy if share > 0.5)
    note = (
        f"rule {choice.number}, {RULES[choice.number]}: of {choice.tried} rules within the budget, "
        f"dev seeds {', '.join(map(str, settings.dev))} {choice.recall:.1%}, "
        f"{'the one that detector=one_liner ships' if choice.number == BEST else f'detector=one_liner ships {BEST}'}, "
        f"test false alarms {alarms.value if alarms else 0:.2g} a location-day"
        + (f"; some rule finds most of: {trivial}" if trivial else "; no rule finds most of any type")
    )
    share = settings.trivial_share
    is_inside = recall is not None and recall.value <= share
    return [line("triviality: best one-liner, share of inferred exceptions found", recall, f"at most {share:.0%}",
                 inside=is_inside, note=note)]
