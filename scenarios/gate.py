"""The gate: whether a run got worse than its baseline, and how often it says so wrongly.

Two kinds of judgement, kept apart:

- **Exact.** Where a cell's configuration, its seeds and the lock file are the baseline's, nothing is left to
  chance: hashes and counts must be equal, seed by seed. Equal ones with equal values pass on any number of seeds.
- **Statistical.** A measure fails only when the whole interval of its difference lies beyond its margin, on the
  worse side. On common seeds the difference is taken pair by pair, on fresh ones between two means (Welch); each end
  of the interval is the farther of Student's and of one corrected for skewness (:mod:`scenarios.measures.skewness`).
  Fewer than 30 seeds support no claim. Where configuration or lock file differ this is all that is judged, and the
  difference is told.

**The rate.** A call that judges k measures (over all cells) gives each interval the coverage 1 - 2 rate / k, so
that its worse end is wrong with chance rate / k, and the whole call fails a program that did not get worse by more
than the margins with chance ``rate`` at most (Bonferroni; it holds however the measures hang together). Holm's
step-down would fail exactly the same calls: its first step is this one. The rate is over baselines as well as runs:
a baseline on lucky seeds stays so until it is updated. With 30 seeds and nine measures, all of them worse by exactly
their margins, 4% of calls fail where differences of single seeds are normal, 5% where seven of ten are nothing and the
others exponential, and more than the rate where a few great gains must make up for many losses: 8% if they are
exponential, 17% if lognormal. Student's interval alone fails 51%, 23% and 45% of these three.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from scenarios.baseline import Baseline, margin_size
from scenarios.measure_names import direction_of
from scenarios.measures.paired import PAIRS_MIN, Paired, paired
from scenarios.measures.unpaired import unpaired
from scenarios.samples import Sample, differences, hash_of

Status = Literal["passed", "failed", "not judged"]
_BySeed = Mapping[int, Mapping[str, Any]]
#: Values this close are the same one, written with 12 digits.
_SAME: Final = 1e-9


@dataclass(frozen=True)
class Check:
    """One thing that was judged.

    Attributes:
        cell: the scenario, or scenario and entrant.
        name: ``hashes``, ``counts``, ``seeds``, ``trials``, or a measure.
        status: what came of it.
        told: the judgement in words, one line.
        baseline: mean of the baseline; None unless a measure with a value.
        value: mean of the run; likewise.
        unit: of both.
        gap: the difference and its interval; None unless a measure.
        by: ``pairs`` or ``means``; empty unless judged by statistics.
    """

    cell: str
    name: str
    status: Status
    told: str
    baseline: float | None = None
    value: float | None = None
    unit: str = ""
    gap: Paired | None = None
    by: str = ""


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a run.

    Attributes:
        checks: in order of cells.
        notes: what differs from the baseline and was not failed for it: keys, lock file, version.
        rate: chance of a false failure of this call.
        judged: measures judged by statistics, over which the rate is shared.
    """

    checks: Sequence[Check]
    notes: Sequence[str] = field(default_factory=tuple)
    rate: float = 0.0
    judged: int = 0

    @property
    def code(self) -> int:
        """0 passed, 1 a regression, 2 could not judge."""
        found = {check.status for check in self.checks}
        return 1 if "failed" in found else 2 if "not judged" in found or not self.checks else 0


def judge(baseline: Baseline, samples: Sequence[Sample], *, version: str, lock: str | None) -> Verdict:
    """Hold a run against its baseline.

    Args:
        baseline: what was committed.
        samples: of the run.
        version: of the program.
        lock: hash of the lock file of the run; None where there is none.
    """
    own = {sample.name: sample for sample in samples}
    notes = [f"{name}: not in the baseline, not judged" for name in own if name not in baseline.cells]
    if version != baseline.version:
        notes.append(f"version: {baseline.version} -> {version}")
    locked = lock is not None and lock == baseline.lock
    if not locked:
        notes.append(f"lock file: {_lock(baseline.lock)} -> {_lock(lock)}; hashes and counts are not held against it")
    common = {name: (cell, own[name]) for name, cell in baseline.cells.items() if name in own}
    judged = len(baseline.margins) * sum(1 for cell, sample in common.values() if not _settled(cell, sample, locked))
    checks: list[Check] = []
    for name, cell in baseline.cells.items():
        if name not in common:
            checks.append(Check(name, "seeds", "not judged", "the baseline's cell is not in the run"))
            continue
        sample = common[name][1]
        keys = differences(cell.config, sample.config)
        notes += [f"{name}: {line}" for line in keys]
        exact = locked and hash_of(cell.config) == hash_of(sample.config)
        checks += _exact(cell, sample) if exact else []
        checks += _trials(cell, sample)
        settled = _settled(cell, sample, locked)
        level = 1 - 2 * baseline.rate / max(judged, 1)
        for measure, margin in baseline.margins.items():
            checks.append(_measure(cell, sample, measure, margin, level, settled=settled))
    return Verdict(checks, notes, baseline.rate, judged)


def _lock(digest: str | None) -> str:
    return digest[:12] if digest else "none"


def _settled(cell: Sample, sample: Sample, locked: bool) -> bool:
    """Whether configuration, lock file, seeds, hashes, counts and values all agree: nothing is left to infer."""
    return (
        locked and hash_of(cell.config) == hash_of(sample.config) and cell.seeds == sample.seeds
        and not _unequal(cell.hashes, sample.hashes) and not _unequal(cell.counts, sample.counts)
        and dict(cell.failed) == dict(sample.failed)
        and all(_same(row, sample.of(name, cell.seeds)) for name, row in cell.values.items())
    )


def _same(before: Sequence[float | None], after: Sequence[float | None]) -> bool:
    return all(
        a is b or (a is not None and b is not None and math.isclose(a, b, rel_tol=_SAME, abs_tol=_SAME))
        for a, b in zip(before, after, strict=True)
    )


def _exact(cell: Sample, sample: Sample) -> list[Check]:
    """Hashes and counts on the seeds that both have."""
    common = sorted(set(cell.seeds) & set(sample.seeds))
    if not common:
        return []
    checks = []
    for name, before, after in (("hashes", cell.hashes, sample.hashes), ("counts", cell.counts, sample.counts)):
        wrong = _unequal(*({seed: side.get(seed, {}) for seed in common} for side in (before, after)))
        told = f"equal on {len(common)} seeds" if not wrong else f"not the baseline's: {_listed(wrong)}"
        checks.append(Check(cell.name, name, "failed" if wrong else "passed", told))
    return checks


def _unequal(before: _BySeed, after: _BySeed) -> list[str]:
    """``NAME of seed SEED (X -> Y)`` for all that is not equal."""
    found = []
    for seed in sorted(before.keys() | after.keys()):
        one, other = before.get(seed, {}), after.get(seed, {})
        found += [
            f"{name} of seed {seed} ({_short(one.get(name))} -> {_short(other.get(name))})"
            for name in dict.fromkeys((*one, *other))
            if one.get(name) != other.get(name)
        ]
    return found


def _short(value: object) -> str:
    return "none" if value is None else value[:12] if isinstance(value, str) else str(value)


def _listed(entries: Sequence[str], most: int = 4) -> str:
    more = f", and {len(entries) - most} more" if len(entries) > most else ""
    return ", ".join(entries[:most]) + more


def _trials(cell: Sample, sample: Sample) -> list[Check]:
    """A trial that ended well in the baseline must not fail: its values are no longer those of the program."""
    if not cell.failed and not sample.failed:
        return []
    share_before, share = len(cell.failed) / len(cell.seeds), len(sample.failed) / len(sample.seeds)
    listed = _listed([f"seed {seed} ({status})" for seed, status in sample.failed.items()])
    told = f"{len(sample.failed)} of {len(sample.seeds)} failed{': ' if listed else ''}{listed}"
    worse = share > share_before or bool(set(sample.failed) & set(cell.seeds) - set(cell.failed))
    return [Check(cell.name, "trials", "failed" if worse else "passed", told)]


def _measure(cell: Sample, sample: Sample, name: str, margin: str, level: float, *, settled: bool) -> Check:
    before = cell.values.get(name, ())
    unit = cell.units.get(name) or sample.units.get(name, "")
    size = margin_size(margin, before)
    pairs = tuple(seed for seed in cell.seeds if seed in set(sample.seeds))
    after = sample.values.get(name, (None,) * len(sample.seeds))
    means = _mean(before), _mean(after)
    if settled:
        same = paired(before, after, margin=size, level=level, skewed=True)
        return Check(cell.name, name, "passed", f"the same on each of {len(pairs)} seeds", *means, unit, same)
    if all(value is None for value in (*before, *after)):
        return Check(cell.name, name, "passed", "has no value, as in the baseline")
    a, b = cell.of(name, pairs), sample.of(name, pairs)
    by, gap = "pairs", paired(a, b, margin=size, level=level, skewed=True)
    if len(pairs) < PAIRS_MIN and min(len(cell.seeds), len(sample.seeds)) >= PAIRS_MIN:
        # Seeds that a few have in common only narrow the difference: the interval is on the safe side.
        by, gap = "means", unpaired(before, after, margin=size, level=level, skewed=True)
    if gap.reason is not None or gap.low is None or gap.high is None:
        told = gap.reason or "no interval"
        why = sample.reasons.get(name)
        lost = f" (no value: {why})" if why and any(value is None for value in after) else ""
        return Check(cell.name, name, "not judged", told + lost, *means, unit, gap, by)
    worse = gap.high < -size if direction_of(name) == "higher" else gap.low > size
    better = gap.low > size if direction_of(name) == "higher" else gap.high < -size
    told = "worse by more than the margin" if worse else "better by more than the margin" if better else "no regression"
    return Check(cell.name, name, "failed" if worse else "passed", told, *means, unit, gap, by)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
