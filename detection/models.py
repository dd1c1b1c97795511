"""Versions of the model that says how sure a diagnosis is, and how one takes the place of another.

A classifier gives each diagnosis a prior confidence; a *calibration* corrects it by the verdicts of closed
cases on their faults, a beta posterior for each pair of type and fault whose prior weighs :data:`PRIOR_CASES`
cases. The calibration in charge, the *champion*, does not change while it is in charge: a *challenger* learns
beside it and decides nothing. Each verdict scores both before the challenger learns from it. After every batch
of verdicts the rule is asked: is the challenger's Brier score lower, by more than chance (one-sided 5% of the
paired differences)? Only then is its promotion proposed, and only an approval puts it in charge. What was
proposed is what is promoted: the challenger goes on learning meanwhile, its proposal does not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from detection.cases import Case
from detection.classifiers.base import Diagnosis
from detection.taxonomy import UNKNOWN

PRIOR_CASES = 10.0
#: Standard errors by which a challenger must be better: one-sided 5% of the normal.
_MARGIN = 1.645
#: Pair of type and fault -> verdicts refuted, confirmed.
Tallies = Mapping[tuple[str, str], tuple[int, int]]


@dataclass(frozen=True)
class Calibration:
    """One version.

    Attributes:
        version: its name, on every action it had a part in.
        tallies: the verdicts it was fitted on.
    """

    version: str
    tallies: Tallies = field(default_factory=dict)

    def confidence(self, type_name: str, fault_type: str, prior: float) -> float:
        """The probability that a diagnosis is right, given its prior."""
        refuted, confirmed = self.tallies.get((type_name, fault_type), (0, 0))
        return (prior * PRIOR_CASES + confirmed) / (PRIOR_CASES + confirmed + refuted)


@dataclass(frozen=True)
class Trial:
    """A challenger against the champion over one batch of verdicts.

    Attributes:
        champion, challenger: versions.
        cases: verdicts of the batch.
        champion_brier, challenger_brier: mean squared distance of confidence and outcome; lower is better.
        is_better: whether the rule lets the challenger be proposed.
    """

    champion: str
    challenger: str
    cases: int
    champion_brier: float
    challenger_brier: float
    is_better: bool


class ModelRegister:
    """The champion, its challenger, and what was proposed.

    Args:
        base: version of the classifier below.
        batch: verdicts between two trials.
    """

    def __init__(self, base: str, batch: int) -> None:
        self._base, self._batch = base, batch
        self.champion = Calibration(base)
        self.proposed: Calibration | None = None
        self._promotions = 0
        self._tallies: dict[tuple[str, str], tuple[int, int]] = {}
        self._losses: list[tuple[float, float]] = []

    @property
    def challenger(self) -> Calibration:
        """The challenger as it is now."""
        return Calibration(f"{self._base}.{self._promotions + 1}", dict(self._tallies))

    def calibrate(self, diagnosis: Diagnosis) -> Diagnosis:
        """A diagnosis with the champion's confidence; one that names no fault claims nothing."""
        if diagnosis.fault_type == UNKNOWN:
            return diagnosis
        confidence = self.champion.confidence(diagnosis.type, diagnosis.fault_type, diagnosis.confidence)
        return replace(diagnosis, confidence=confidence)

    def take(self, case: Case) -> Trial | None:
        """Score both on a closed case, then let the challenger learn; returns a trial where a batch is full."""
        claimed = case.claimed or case.fault_type
        if not case.fault_verdict or claimed == UNKNOWN or case.finding.fault_type:
            return None
        key, outcome = (case.type, claimed), float(case.fault_verdict == "confirmed")
        refuted, confirmed = self._tallies.get(key, (0, 0))
        learned = Calibration("", {key: (refuted, confirmed)})
        self._losses.append(
            (
                (self.champion.confidence(*key, case.prior) - outcome) ** 2,
                (learned.confidence(*key, case.prior) - outcome) ** 2,
            )
        )
        self._tallies[key] = (refuted + int(1 - outcome), confirmed + int(outcome))
        if len(self._losses) < self._batch:
            return None
        losses, self._losses = self._losses, []
        return self._try(losses)

    def promote(self) -> Calibration:
        """Put what was proposed in charge.

        Raises:
            ValueError: nothing is proposed.
        """
        if self.proposed is None:
            raise ValueError("no challenger is proposed")
        self.champion, self.proposed = self.proposed, None
        self._promotions += 1
        # The trial under way was against the old champion.
        self._losses = []
        return self.champion

    def withdraw(self) -> None:
        """The proposal was turned down: the champion stays."""
        self.proposed = None

    def _try(self, losses: list[tuple[float, float]]) -> Trial:
        """The rule, over one batch; proposes the challenger where it holds and nothing is proposed yet."""
        count, challenger = len(losses), self.challenger
        gains = [ours - theirs for ours, theirs in losses]
        mean = sum(gains) / count
        spread = math.sqrt(sum((gain - mean) ** 2 for gain in gains) / max(1, count - 1) / count)
        is_better = self.proposed is None and mean > _MARGIN * spread
        if is_better:
            self.proposed = challenger
        champion_brier, challenger_brier = (sum(column) / count for column in zip(*losses, strict=True))
        return Trial(self.champion.version, challenger.version, count, champion_brier, challenger_brier, is_better)
