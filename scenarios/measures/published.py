"""What others have published about real chains: the rows that the realism card is held against.

``conf/calibration.csv`` has one line a figure, with its source and the band inside which a measured
value passes. Figures of one row of the literature that belong together share its number and differ
in their part. ``basis`` says how good the source is: ``published``, ``computed`` (by us from published data),
``recalled`` or ``secondhand``.

``kind`` says what our number is worth. An ``input`` is a parameter of this very quantity, which the run reads back:
that it lies inside shows that the mechanism does as it is told, and no more. An ``emergent`` one follows from
mechanisms that know nothing of it, though some of their parameters were chosen with it in view.

``enough`` is how many of what is ``counted`` it takes to judge: with fewer, chance alone can move the value by half
the band. For a share that is its binomial 95% half-width at the middle of the band, or more where what is counted
comes in clusters (cartons of a delivery, lines at one wrong price); for a share of variance the width for that
many classes; for the others a declared assumption.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class Figure:
    """One published figure.

    Attributes:
        row: number of the row; figures of one row share it.
        part: which of them; empty where there is one.
        world: the world it is about.
        quantity: what is measured.
        published: the figure as published.
        source: who published it.
        low, high: the band, in ``unit``.
        unit: share, units, events, minutes, ratio or lines.
        basis: published, computed, recalled or secondhand.
        kind: input or emergent.
        counted: what the n of a measured value counts.
        enough: least n to judge by.
    """

    row: int
    part: str
    world: str
    quantity: str
    published: str
    source: str
    low: float
    high: float
    unit: str
    basis: str
    kind: str
    counted: str
    enough: int

    @property
    def name(self) -> str:
        """Its name among measures: ``realism.4.category``."""
        return ".".join(["realism", str(self.row), *([self.part] if self.part else [])])


@cache
def figures() -> tuple[Figure, ...]:
    """Every published figure, in the order of the file."""
    text = (resources.files("conf") / "calibration.csv").read_text(encoding="utf-8")
    return tuple(
        Figure(
            row=int(line["row"]), part=line["part"], world=line["world"], quantity=line["quantity"],
            published=line["published"], source=line["source"], low=float(line["low"]), high=float(line["high"]),
            unit=line["unit"], basis=line["basis"], kind=line["kind"], counted=line["counted"],
            enough=int(line["enough"]),
        )
        for line in csv.DictReader(io.StringIO(text))
    )


def figures_of(world: str) -> tuple[Figure, ...]:
    """The figures that a world is held against; none where it claims no world."""
    return tuple(figure for figure in figures() if figure.world == world)
