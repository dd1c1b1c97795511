"""The leaderboard: what each entrant reached, how sure that is, and how far it is from chance and from perfect.

One table holds the whole answer, in rows of (split, by, key, entrant): ``by`` is one of :data:`BY`. It is a pure
function of the trials and does not depend on their order.

Rules that a sceptic would ask for:

- A failed trial stays in the denominator, with the value that :func:`~scenarios.measures.trials.counted` gives it:
  it found nothing and won nothing back, of losses that :func:`~scenarios.measures.trials.charged` takes from others
  on its seed. Where that cannot be told ``n`` says on how many seeds a value rests.
- Seeds are the unit. Within a scenario a value is the mean over seeds with its t interval, a recovery the ratio of
  sums over them; overall, each seed's mean over the scenarios is one value, so that all scenarios weigh the same.
- What ranks must be known in every scenario in which there is something to measure, or the seed has no value. Any other
  column may be undefined for one entrant alone (the precision of one that rightly said nothing): its mean is over
  the scenarios in which that entrant has a value, whatever others have, ``_n`` says on how many seeds it rests and
  ``_scenarios`` on how many scenarios. A failed trial of which nothing can be said takes its seed out.
- An interval ends where its measure does (:func:`~scenarios.measure_names.range_of`): no recall above 1, no time
  below 0. Cutting a t interval there loses no coverage, for nothing lies beyond.
- Only entrants are ranked, only on the split ``test``, by one measure. In shadow mode, where an alert costs nothing,
  whoever is clearly over the suite's budget of false alarms (the exact Poisson interval of all its trials together)
  ranks behind all who are not: who claims something of everything finds everything, and the chance line cannot see it
  of documents, which live for days.
- The best is compared with each other on the same seeds (Wilcoxon, Holm over all of them), and too few pairs support no
  claim.
- The nulls stand beside every result: never, always, random, last_point, time_of_day, the best one-liner; and
  the oracle, from which distances are taken.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd

from scenarios import statistics
from scenarios.measure_names import range_of
from scenarios.measures.appendix import RANGE_MEASURES
from scenarios.measures.ranking import in_order, measure_distance, rank
from scenarios.measures.replications import RATIOS
from scenarios.measures.trials import Trial, charged, counted
from scenarios.statistics import Estimate

#: The only split that is ranked; the others stand apart below it.
TEST: Final = "test"
_SPLITS: Final = (TEST, "validation", "dev")
#: What a row is about. Types that a row of the stream announces are no feat to find, and stand apart.
OVERALL, SCENARIO, INFERRED, ANNOUNCED = BY = ("overall", "scenario", "inferred type", "announced type")
FALSE_ALARMS: Final = "detection.false_alarms_per_location_day"


class Suite(Protocol):
    """What the leaderboard reads of a suite."""

    @property
    def mode(self) -> str:
        """``shadow`` or ``loop``."""

    @property
    def budget(self) -> float:
        """False alarms a location and day that are allowed in shadow mode."""


#: Column -> measure, for the modes ``shadow`` and ``loop``; an empty measure is taken from a trial's types.
SHADOW: Final[Mapping[str, str]] = {
    "skill": "detection.skill",
    "recall": "detection.recall",
    "chance": "detection.chance_recall",
    "inferred": "detection.recall_inferred",
    "announced": "",
    "precision": "detection.precision",
    "false_alarms": "detection.false_alarms_per_location_day",
    "mttd_hours": "detection.mttd_hours",
}
LOOP: Final[Mapping[str, str]] = {
    "recovery_of_reachable": "business.recovery_of_reachable",
    "recovery": "business.recovery",
    "skill": "detection.loop.skill",
    "recall": "detection.loop.recall",
    "chance": "detection.loop.chance_recall",
    "inferred": "detection.loop.recall_inferred",
    "false_alarms": "detection.loop.false_alarms_per_location_day",
    "precision": "detection.loop.precision",
    "recall_value": "detection.loop.recall_value",
    "mttd_hours": "detection.loop.mttd_hours",
    "manual_mttd_hours": "manual.mttd_hours",
    "cause_f1": "classification.loop.cause_macro_f1",
    "fault_f1": "classification.loop.fault_macro_f1",
    "calibration_error": "classification.loop.ece",
    "mttr_hours": "repair.mttr_hours",
    "oracle_mttr_hours": "oracle.mttr_hours",
    "manual_mttr_hours": "manual.mttr_hours",
    "wrongful": "repair.wrongful",
    "wrongful_value": "repair.wrongful_value",
    "minutes": "repair.manual_minutes_per_exception",
    "minutes_a_day": "repair.manual_minutes_per_day",
    "queue_age_hours": "repair.queue_age_p95_hours",
}
#: Shown in an appendix of the mode ``shadow``, overall only: what papers on time series report. It ranks nobody.
APPENDIX: Final[Mapping[str, str]] = {name: f"detection.{name}" for name in RANGE_MEASURES}
#: Mode of a suite -> its columns; the first is what ranks.
COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {"shadow": SHADOW, "loop": LOOP}
KEYS: Final = ("split", "by", "key", "entrant", "role", "rank", "trials", "failed", "statuses")
#: Against the best and the oracle: the oracle less the entrant, and the entrant less the best, on the same seeds.
VERDICT: Final = (
    "to_oracle", "to_oracle_low", "to_oracle_high", "to_best", "to_best_low", "to_best_high", "p_holm", "verdict",
)  # fmt: skip


def leaderboard(trials: Iterable[Trial], suite: Suite) -> pd.DataFrame:
    """The table over all trials of a suite.

    Args:
        trials: finished ones, each (scenario, seed, entrant) once.
        suite: its mode says what is measured and what ranks.

    Returns:
        :data:`KEYS`; each column of the mode with ``_low``, ``_high``, ``_n`` (seeds behind it) and ``_scenarios``
        (scenarios behind it), NaN where there is none; :data:`VERDICT` for ranked rows; in the mode ``shadow`` the
        same of :data:`APPENDIX`. Rows by type hold recall alone, with ``n`` the exceptions. Test
        first, overall first; the oracle, the ranked, the baselines.
    """
    columns = COLUMNS[suite.mode]
    appendix = APPENDIX if suite.mode == "shadow" else {}
    held = sorted(charged(trials), key=lambda trial: (trial.split, trial.scenario, trial.seed, trial.entrant))
    rows: list[dict[str, Any]] = []
    for split in [name for name in _SPLITS if any(trial.split == name for trial in held)]:
        budget = suite.budget if suite.mode == "shadow" else np.inf
        part = _Part(split, [trial for trial in held if trial.split == split], columns, budget)
        rows += part.rows(OVERALL, "", part.scenarios, appendix)
        if len(part.scenarios) > 1:
            for scenario in part.scenarios:
                rows += part.rows(SCENARIO, scenario, [scenario])
        if suite.mode == "shadow":
            rows += part.type_rows()
    names, beside = ([f"{name}{end}" for name in part for end in ("", "_low", "_high", "_n", "_scenarios")]
                     for part in (columns, appendix))  # fmt: skip
    table = pd.DataFrame(rows, columns=[*KEYS, *names, *VERDICT, *beside])
    names += beside
    counts = ["rank", *(f"{name}{end}" for name in (*columns, *appendix) for end in ("_n", "_scenarios"))]
    return table.astype(dict.fromkeys(counts, "Int64") | dict.fromkeys([n for n in names if n not in counts], float))


@dataclass
class _Part:
    """The trials of one split."""

    split: str
    trials: Sequence[Trial]
    columns: Mapping[str, str]
    budget: float
    scenarios: list[str] = field(init=False)
    entrants: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.scenarios = sorted({trial.scenario for trial in self.trials})
        self.entrants = sorted({trial.entrant for trial in self.trials})
        self._of = {(trial.scenario, trial.seed, trial.entrant): trial for trial in self.trials}
        self._beside: dict[tuple[str, int], list[Trial]] = {}
        for trial in self.trials:
            self._beside.setdefault((trial.scenario, trial.seed), []).append(trial)
        self._has_applied: dict[tuple[str, str, int], bool] = {}

    def rows(
        self, by: str, key: str, scenarios: Sequence[str], beside: Mapping[str, str] = MappingProxyType({})
    ) -> list[dict[str, Any]]:
        """One row an entrant, in the order in which they are shown, with what stands beside the columns."""
        ranking, measure = next(iter(self.columns.items()))
        rows, values = {}, {}
        for entrant in self.entrants:
            mine = [trial for trial in self.trials if trial.entrant == entrant and trial.scenario in scenarios]
            if not mine:
                continue
            rows[entrant] = self._counted(by, key, entrant, mine)
            for name, of in (*self.columns.items(), *beside.items()):
                found = self._estimate(of, entrant, scenarios, ranks=name == ranking)
                _put(rows[entrant], name, found, self._scenarios_behind(of, mine) if found else 0)
            values[entrant] = self._by_seed(measure, entrant, scenarios)
        if self.split == TEST:
            over = {entrant for entrant in rows if self._is_over(entrant, scenarios)}
            rank(rows, values, ranking, over)
        measure_distance(rows, values)
        return in_order(rows.values(), ranking)

    def _is_over(self, entrant: str, scenarios: Sequence[str]) -> bool:
        """Whether it raised more false alarms than allowed, by the exact Poisson interval of all its trials together.

        Not by the interval over seeds: of two or three of them it is so wide that nobody ever were.
        """
        told = [trial.measures.get(FALSE_ALARMS, {}) for trial in self.trials
                if trial.ok and trial.entrant == entrant and trial.scenario in scenarios]
        held = [one for one in told if one.get("value") is not None]
        count = sum(int(one["n"]) for one in held)
        # A rate is a count over an exposure; where none was seen its upper bound tells the exposure.
        exposure = sum(one["n"] / one["value"] if one["value"] else statistics.NONE_SEEN / one["high"] for one in held)
        found = statistics.rate(count, exposure)
        return found is not None and found.low is not None and found.low > self.budget

    def type_rows(self) -> list[dict[str, Any]]:
        """Recall by type of exception over all scenarios and seeds, jackknifed over trials; a failed one found none."""
        numbers: dict[tuple[str, str], dict[tuple[str, int], float]] = {}
        for trial in self.trials:
            for name, entry in trial.by_type.items():
                known = numbers.setdefault((ANNOUNCED if entry["announced"] else INFERRED, name), {})
                place = (trial.scenario, trial.seed)
                known[place] = max(known.get(place, 0.0), float(entry["n"] or 0))
        rows = []
        for by, name in sorted(numbers, key=lambda pair: (BY.index(pair[0]), pair[1])):
            found = [self._type_row(by, name, entrant, numbers[by, name]) for entrant in self.entrants]
            rows += in_order(found, "recall")
        return rows

    def _type_row(self, by: str, name: str, entrant: str, numbers: Mapping[tuple[str, int], float]) -> dict[str, Any]:
        mine = [trial for trial in self.trials if trial.entrant == entrant]
        total = np.array([numbers.get((trial.scenario, trial.seed), 0.0) for trial in mine])
        recall = np.array([float(trial.by_type.get(name, {}).get("recall") or 0.0) for trial in mine])
        row, held = self._counted(by, name, entrant, mine), total > 0
        found = statistics.ratio_of_sums((total * recall)[held], total[held], 0.0, 1.0)
        if found is not None:
            there = len({trial.scenario for trial, is_there in zip(mine, held, strict=True) if is_there})
            _put(row, "recall", Estimate(found.value, found.low, found.high, int(total.sum())), there)
        return row

    def _counted(self, by: str, key: str, entrant: str, mine: Sequence[Trial]) -> dict[str, Any]:
        statuses = pd.Series([trial.status for trial in mine]).value_counts().sort_index()
        told = "; ".join(f"{name} {number}" for name, number in statuses.items())
        failed = sum(not trial.ok for trial in mine)
        return {
            "split": self.split, "by": by, "key": key, "entrant": entrant, "role": mine[0].role,
            "rank": None, "trials": len(mine), "failed": failed, "statuses": told, "verdict": "",
        }  # fmt: skip

    def _estimate(self, measure: str, entrant: str, scenarios: Sequence[str], *, ranks: bool) -> Estimate | None:
        if measure in RATIOS and len(scenarios) == 1:
            return self._ratio(measure, entrant, scenarios[0])
        by_seed = self._by_seed(measure, entrant, scenarios, own=not ranks)
        return _within(range_of(measure) if measure else (0.0, 1.0), statistics.mean(list(by_seed.values())))

    def _scenarios_behind(self, measure: str, mine: Sequence[Trial]) -> int:
        return len({trial.scenario for trial in mine if value_of(trial, measure) is not None
                    and self._applies(measure, trial.scenario, trial.seed)})  # fmt: skip

    def _by_seed(
        self, measure: str, entrant: str, scenarios: Sequence[str], *, own: bool = False
    ) -> dict[int, float]:
        """Each seed's mean over the scenarios it applies to; a seed without a value in one of these has none.

        Args:
            measure: see :func:`value_of`.
            entrant: whose.
            scenarios: to be averaged over.
            own: leave out scenarios in which this entrant ended well and has no value, whatever others have.
        """
        found = {}
        for seed in sorted({trial.seed for trial in self.trials if trial.entrant == entrant}):
            held = [scenario for scenario in scenarios if self._applies(measure, scenario, seed)]
            trials = [self._of.get((scenario, seed, entrant)) for scenario in held]
            values = [None if trial is None else value_of(trial, measure) for trial in trials]
            known = [value for value in values if value is not None]
            undefined = sum(own and value is None and trial is not None and trial.ok
                            for trial, value in zip(trials, values, strict=True))  # fmt: skip
            if known and len(known) + undefined == len(held):
                found[seed] = float(np.mean(known))
        return found

    def _applies(self, measure: str, scenario: str, seed: int) -> bool:
        """Whether there was anything to measure: nobody has a recall where nothing went wrong."""
        # Asked for each entrant and column, and the same for all of them.
        place = measure, scenario, seed
        if place not in self._has_applied:
            sound = [trial for trial in self._beside.get((scenario, seed), []) if trial.ok]
            self._has_applied[place] = not sound or any(value_of(trial, measure) is not None for trial in sound)
        return self._has_applied[place]

    def _ratio(self, measure: str, entrant: str, scenario: str) -> Estimate | None:
        """A recovery as the ratio of sums over seeds."""
        arms = ("unmanaged", *RATIOS[measure])
        trials = [trial for trial in self.trials if trial.entrant == entrant and trial.scenario == scenario]
        losses = [[counted(trial, f"business.{arm}.loss_value") for arm in arms] for trial in trials]
        known = np.array([row for row in losses if None not in row], dtype=float).reshape(-1, len(arms))
        if not len(known):
            # Nobody's losses are known: where all failed nothing was won back, else there is no such arm.
            return statistics.mean(list(self._by_seed(measure, entrant, [scenario]).values()))
        if not statistics.is_above_zero(known[:, 0] - known[:, 2]):
            return None
        return statistics.ratio_of_sums(known[:, 0] - known[:, 1], known[:, 0] - known[:, 2])


def value_of(trial: Trial, measure: str) -> float | None:
    """The value with which a trial counts; without a measure, the mean recall over its announced types."""
    if measure:
        return counted(trial, measure)
    held = [entry["recall"] for entry in trial.by_type.values() if entry["announced"] and entry["n"]]
    known = [float(share) for share in held if share is not None]
    return float(np.mean(known)) if known else None if trial.ok else 0.0


def _within(ends: tuple[float, float], found: Estimate | None) -> Estimate | None:
    """An estimate whose interval ends where its measure does."""
    if found is None or found.low is None or found.high is None:
        return found
    return dataclasses.replace(found, low=max(ends[0], found.low), high=min(ends[1], found.high))


def _put(row: dict[str, Any], name: str, found: Estimate | None, scenarios: int) -> None:
    ends = (None, None, None, 0) if found is None else (found.value, found.low, found.high, found.n)
    names = (name, f"{name}_low", f"{name}_high", f"{name}_n", f"{name}_scenarios")
    row.update(zip(names, (*ends, scenarios), strict=True))
