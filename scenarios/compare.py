"""Two runs compared: pair by pair on the same seeds, each measure with a verdict, and where the difference comes from.

What is refused: another scenario or a chain of another size or length (``world.*``), and runs without a seed in
common. What is only told: other keys that differ, for they are usually the point; seeds that only one of the two has,
which are left out; and streams that differ where the operator has no part, since then the two saw different worlds.
Wilcoxon's p is adjusted by Holm over the measures of the call that can be better or worse. The others (arms in which
the operator has no part, which are the same by design, and volumes) are told beside them and take no part: each would
make every claim harder, and none is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from scenarios.baseline import margin_size
from scenarios.errors import UserError
from scenarios.measure_names import direction_of, margin_of
from scenarios.measures.paired import Paired, holm, paired
from scenarios.measures.replications import RATIOS
from scenarios.measures.trials import FOLDER, read_trials
from scenarios.measures.where import BY, TAKEN_APART, Parts, mean_differences, parts_of, recall_by_type
from scenarios.reader import RunReader
from scenarios.samples import Sample, differences, read_samples
from scenarios.statistics import is_above_zero, pseudo_values

#: Adjusted p up to which a difference is one, and probability from which two are practically equal.
ALPHA: Final = 0.05
SURE: Final = 0.95
#: A part this small is rounding of the last bits.
_DUST: Final = 1e-12


@dataclass(frozen=True)
class Row:
    """One measure of A and B.

    Attributes:
        cell: the scenario, or scenario and entrant.
        name: of the measure.
        unit: of its values.
        a: mean of A over the pairs.
        b: mean of B over the pairs.
        gap: B less A.
        p: Wilcoxon's p, adjusted by Holm; None where no claim can be made, or none is better or worse.
        verdict: in words.
    """

    cell: str
    name: str
    unit: str
    a: float | None
    b: float | None
    gap: Paired
    p: float | None = None
    verdict: str = ""


@dataclass(frozen=True)
class Source:
    """Where the difference of a measure comes from: by type or kind of location, key -> part of the mean difference."""

    cell: str
    measure: str
    unit: str
    by: str
    parts: dict[str, float]


@dataclass(frozen=True)
class Comparison:
    """All that is said of two runs."""

    rows: Sequence[Row]
    sources: Sequence[Source]
    notes: Sequence[str]


def read_side(word: str) -> tuple[Path, list[Sample]]:
    """One side: a run folder, a benchmark's folder, or ``FOLDER:ENTRANT`` for one entrant of a benchmark.

    Raises:
        UserError: if it is none.
    """
    folder, colon, entrant = word.rpartition(":")
    if Path(word).exists() or not colon:
        return Path(word), read_samples(Path(word))
    samples = read_samples(Path(folder))
    chosen = [replace(s, name=s.scenario) for s in samples if s.name.partition("/")[2] == entrant]
    if not chosen:
        names = sorted({s.name.partition("/")[2] for s in samples} - {""})
        raise UserError(f"{word}: {folder} has no entrant {entrant}; valid: {', '.join(names) or 'none'}")
    return Path(folder), chosen


def compare(a: str, b: str) -> Comparison:
    """Compare what two words of the command line name.

    Raises:
        UserError: if they cannot be compared; the message says why.
    """
    (folder_a, ones), (folder_b, others) = read_side(a), read_side(b)
    before, after = {s.name: s for s in ones}, {s.name: s for s in others}
    common = [name for name in before if name in after]
    if not common:
        raise UserError(f"{a} and {b} cannot be compared: scenario {', '.join(before)} and {', '.join(after)}")
    lone = [name for name in (*before, *after) if name not in common]
    notes = [f"{name}: in one of the two only, left out" for name in lone]
    rows: list[Row] = []
    sources: list[Source] = []
    for name in common:
        one, other = before[name], after[name]
        seeds = _pairs(one, other, a, b)
        notes += _notes(one, other, seeds)
        rows += [_row(one, other, measure, seeds) for measure in _measures(one, other)]
        sources += _sources(one, other, seeds, _parts(folder_a, one, seeds), _parts(folder_b, other, seeds))
    adjusted = holm([row.gap.p if direction_of(row.name) != "neutral" else None for row in rows])
    rows = [replace(row, p=p, verdict=_words(row, p)) for row, p in zip(rows, adjusted, strict=True)]
    return Comparison(rows, sources, notes)


def _pairs(one: Sample, other: Sample, a: str, b: str) -> tuple[int, ...]:
    lines = differences(one.config, other.config)
    sizes = [line for line in lines if line.startswith("world.")]
    if sizes:
        raise UserError(f"{a} and {b} cannot be compared: chains of another size or length ({'; '.join(sizes)})")
    # Cells of two benchmarks may bear one name and hold two scenarios.
    others = [line for line in lines if line.startswith("scenario:")]
    if others:
        raise UserError(f"{a} and {b} cannot be compared: {one.name} is another scenario ({others[0]})")
    seeds = tuple(seed for seed in one.seeds if seed in set(other.seeds))
    if not seeds:
        raise UserError(
            f"{a} and {b} cannot be compared: no seed in common ({_listed(one.seeds)} and {_listed(other.seeds)})"
        )
    return seeds


def _listed(seeds: Sequence[int]) -> str:
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))


def _notes(one: Sample, other: Sample, seeds: tuple[int, ...]) -> list[str]:
    notes = [f"{one.name}: {line}" for line in differences(one.config, other.config)]
    for side, sample in (("A", one), ("B", other)):
        alone = [seed for seed in sample.seeds if seed not in seeds]
        if alone:
            notes.append(f"{one.name}: seeds {_listed(alone)} of {side} have no pair and are left out")
        notes += [f"{one.name}: {side} failed on seed {seed} ({how})" for seed, how in sample.failed.items()]
    for stream in ("clean", "unmanaged", "event_hash"):
        apart = [s for s in seeds if one.hashes.get(s, {}).get(stream) != other.hashes.get(s, {}).get(stream)]
        if apart:
            notes.append(f"{one.name}: not the same world: the stream {stream} differs on seeds {_listed(apart)}")
    return notes


def _measures(one: Sample, other: Sample) -> list[str]:
    """Those that either has a value for."""
    names = dict.fromkeys((*one.values, *other.values))
    return [name for name in names if any(v is not None for s in (one, other) for v in s.values.get(name, ()))]


def _row(one: Sample, other: Sample, name: str, seeds: tuple[int, ...]) -> Row:
    before, after = (_by_seed(sample, name, seeds) for sample in (one, other))
    gap = paired(before, after, margin=margin_size(margin_of(name), before))
    both = [(x, y) for x, y in zip(before, after, strict=True) if x is not None and y is not None]
    a, b = (sum(pair[side] for pair in both) / len(both) if both else None for side in (0, 1))
    return Row(one.name, name, one.units.get(name) or other.units.get(name, ""), a, b, gap)


def _by_seed(sample: Sample, name: str, seeds: tuple[int, ...]) -> list[float | None]:
    """A value a seed; of a ratio of sums its jackknife pseudo-values, whose mean and spread are the ratio's own."""
    if name not in RATIOS:
        return sample.of(name, seeds)
    better, best = RATIOS[name]
    losses = [sample.of(f"business.{arm}.loss_value", seeds) for arm in ("unmanaged", better, best)]
    rows = [row if None not in row else None for row in zip(*losses, strict=True)]
    known = np.array([row for row in rows if row is not None], dtype=float).reshape(-1, 3)
    below = known[:, 0] - known[:, 2]
    if not is_above_zero(below):
        return [None] * len(seeds)
    pseudo = iter(pseudo_values(known[:, 0] - known[:, 1], below).tolist())
    return [None if row is None else next(pseudo) for row in rows]


def _words(row: Row, p: float | None) -> str:
    """The verdict: too few, equal, better or worse, undecided, or what is none of these by its nature."""
    gap, direction = row.gap, direction_of(row.name)
    if gap.reason is not None or gap.difference is None:
        return "no claim"
    equal = (gap.p_equal or 0.0) >= SURE
    if direction == "neutral":
        return "practically equal" if equal else "neither better nor worse"
    if p is None:
        return "no claim"
    if p <= ALPHA and gap.difference:
        word = "better" if (direction == "higher") == (gap.difference > 0) else "worse"
        return f"B {word}, but practically equal" if equal else f"B {word}"
    return "practically equal" if equal else "undecided"


def _parts(folder: Path, sample: Sample, seeds: tuple[int, ...]) -> dict[int, Parts]:
    if sample.folders:
        return {seed: parts_of(RunReader(sample.folders[seed])) for seed in seeds}
    if not (folder / FOLDER).is_dir():
        return {}
    scenario, _, entrant = sample.name.partition("/")
    return {
        trial.seed: recall_by_type(trial.by_type)
        for trial in read_trials(folder)
        if trial.scenario == scenario and trial.entrant == entrant and trial.seed in seeds
    }


def _sources(
    one: Sample, other: Sample, seeds: tuple[int, ...], before: dict[int, Parts], after: dict[int, Parts]
) -> list[Source]:
    found = []
    for measure in TAKEN_APART:
        if one.of(measure, seeds) == other.of(measure, seeds):
            continue
        unit = one.units.get(measure) or other.units.get(measure, "")
        for by in BY:
            parts = mean_differences(before, after, measure, by)
            parts = {key: part for key, part in parts.items() if abs(part) > _DUST}
            if parts:
                found.append(Source(one.name, measure, unit, by, parts))
    return found
