"""The realism card: what a run measured of itself beside what others published of real chains.

A scenario says by ``calibrated_to`` which world it claims to be; the figures of that world are
measured in the unmanaged arm, where nobody but the usual manual process repairs. A pure function of
the run folder, as every measure. Over replications a figure is the mean of the seeds with its t interval.

The verdict goes by the value: ``inside`` the band or ``outside``; ``explained`` where the source is recalled or
second-hand and the table says why ours lies elsewhere; ``NA`` with a reason where nothing was measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from scenarios import statistics
from scenarios.measures.card import Measure, to_measure
from scenarios.measures.gauged import MEASURING, Gauged
from scenarios.measures.published import WEAK, Figure, figures_of
from scenarios.measures.run import Run
from scenarios.reader import RunReader
from scenarios.tables import BREAKDOWN, conform


@dataclass(frozen=True)
class Line:
    """One line of the card: a published figure and what the run measured."""

    figure: Figure
    measure: Measure

    @property
    def verdict(self) -> str:
        """``inside``, ``outside``, ``explained`` or ``NA``."""
        figure, value = self.figure, self.measure.value
        if value is None:
            return "NA"
        if figure.low <= value <= figure.high:
            return "inside"
        return "explained" if figure.basis in WEAK and figure.explanation else "outside"

    @property
    def remark(self) -> str:
        """Why there is no value, or why one outside is right all the same."""
        if self.verdict == "explained":
            return self.figure.explanation
        return self.measure.reason or ""


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
        lines.append(Line(figure, to_measure(found or f"on every seed: {reasons}", figure.unit)))
    return tuple(lines)


def table(lines: Sequence[Line]) -> pa.Table:
    """The card as a breakdown: one row a figure, its value null where there is none."""
    rows = [
        {"measure": line.figure.name, "by": "realism", "key": line.figure.quantity, "value": line.measure.value,
         "low": line.measure.low, "high": line.measure.high, "n": line.measure.n}
        for line in lines
    ]
    plain = {field.name: pa.string() if pa.types.is_dictionary(field.type) else field.type for field in BREAKDOWN}
    return conform(pa.Table.from_pylist(rows, schema=pa.schema(plain)), BREAKDOWN, "realism")
