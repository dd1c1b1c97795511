"""The realism card: what a run measured of itself beside what others published of real chains.

A scenario says by ``calibrated_to`` which world it claims to be; the figures of that world are
measured in the unmanaged arm, where nobody but the usual manual process repairs. A pure function of
the run folder, as every measure. Over replications a figure is the mean of the seeds with its t interval.

The verdict goes by the value: ``inside`` the band or ``outside``; ``NA`` with a reason where nothing was measured.
Beside it stands how far it can be trusted: whether the figure is an input that is merely read back, on how many
it was measured, and whether those are too few: chance alone could then move the value by half its band.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from scenarios import statistics
from scenarios.measures.card import Measure, to_measure
from scenarios.measures.gauged import MEASURING, Gauged
from scenarios.measures.published import Figure, figures_of
from scenarios.measures.run import Run
from scenarios.reader import RunReader
from scenarios.tables import REALISM, conform


@dataclass(frozen=True)
class Line:
    """One line of the card: a published figure and what the run measured.

    Attributes:
        figure: as published.
        measure: what the run measured; its n counts :attr:`counted`.
        is_over_seeds: whether it is a mean over seeds.
    """

    figure: Figure
    measure: Measure
    is_over_seeds: bool = False

    @property
    def verdict(self) -> str:
        """``inside``, ``outside`` or ``NA``."""
        figure, value = self.figure, self.measure.value
        if value is None:
            return "NA"
        return "inside" if figure.low <= value <= figure.high else "outside"

    @property
    def counted(self) -> str:
        """What the n counts: as the figure says, or seeds."""
        return "seeds" if self.is_over_seeds else self.figure.counted

    @property
    def is_on_few(self) -> bool:
        """Whether chance alone could move the value by half its band: too few to judge by."""
        figure, measure = self.figure, self.measure
        if measure.value is None:
            return False
        if not self.is_over_seeds:
            return (measure.n or 0) < figure.enough
        return measure.low is None or measure.high is None or measure.high - measure.low > figure.high - figure.low


def card(reader: RunReader) -> tuple[Line, ...]:
    """The card of a run folder, single or with replications; empty for a scenario that claims no world."""
    seeds = reader.replications()
    if seeds:
        return combine([card(seed) for seed in seeds])
    wanted = figures_of(str(reader.config.get("calibrated_to") or ""))
    if not wanted:
        return ()
    gauged = Gauged(Run(reader))
    return tuple(Line(figure, to_measure(MEASURING[figure.name](gauged), figure.unit)) for figure in wanted)


def combine(cards: Sequence[Sequence[Line]]) -> tuple[Line, ...]:
    """One card over the seeds: means with t intervals; NA where no seed has a value."""
    lines = []
    for same in zip(*cards, strict=True):
        figure = same[0].figure
        values = [line.measure.value for line in same if line.measure.value is not None]
        found = statistics.mean(values)
        if found is not None and found.low is not None and found.high is not None:
            # Nothing here can be below 0, and no share above 1, however wide the interval.
            most = 1.0 if figure.unit == "share" else math.inf
            found = replace(found, low=max(0.0, found.low), high=min(most, found.high))
        reasons = "; ".join(sorted({line.measure.reason or "" for line in same}))
        lines.append(Line(figure, to_measure(found or f"on every seed: {reasons}", figure.unit), is_over_seeds=True))
    return tuple(lines)


def table(lines: Sequence[Line]) -> pa.Table:
    """The card as a table: one row a figure, its value null where there is none."""
    rows = [
        {"measure": line.figure.name, "by": "realism", "key": line.figure.quantity, "value": line.measure.value,
         "low": line.measure.low, "high": line.measure.high, "n": line.measure.n, "counted": line.counted,
         "kind": line.figure.kind, "verdict": line.verdict, "is_on_few": line.is_on_few}
        for line in lines
    ]
    plain = {field.name: pa.string() if pa.types.is_dictionary(field.type) else field.type for field in REALISM}
    return conform(pa.Table.from_pylist(rows, schema=pa.schema(plain)), REALISM, "realism")
