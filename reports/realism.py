"""The realism card on the page: each published figure, what the run measured, the band and the verdict."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from reports import words
from reports.view import View
from scenarios.measures.published import Figure
from scenarios.measures.realism import Line

_BASIS = {"published": "published", "computed": "computed from published data", "recalled": "recalled",
          "secondhand": "second-hand"}


@dataclass(frozen=True)
class CardRow:
    """One figure in words.

    Attributes:
        kind: input, a parameter that is read back, or emergent.
        measured_on: on how many of what.
        is_on_few: whether those are too few to judge by.
        verdict: inside, outside or NA.
        remark: why there is no value.
        place: where the value stands in the band, percent of the drawn width; None without a value.
    """

    row: int
    quantity: str
    kind: str
    published: str
    measured: str
    interval: str
    measured_on: str
    is_on_few: bool
    band: str
    verdict: str
    source: str
    basis: str
    remark: str
    place: float | None


def rows(view: View) -> list[CardRow]:
    """The card of a run; empty for a scenario that claims no published world."""
    return [_row(line) for line in view.realism]


def summary(view: View) -> str:
    """How many figures lie where, in one sentence."""
    counts = Counter(line.verdict for line in view.realism)
    told = {"inside": "inside the band", "outside": "outside the band", "NA": "without a value"}
    return ", ".join(f"{words.count(counts[verdict], 'figure')} {told[verdict]}" for verdict in told if counts[verdict])


def _row(line: Line) -> CardRow:
    figure, measure = line.figure, line.measure
    return CardRow(
        row=figure.row, quantity=figure.quantity, kind=figure.kind, published=figure.published,
        measured=_text(measure.value, figure), interval=words.interval(measure.low, measure.high, _unit(figure)),
        measured_on=f"{measure.n or 0:,} {line.counted}" if measure.value is not None else "", is_on_few=line.is_on_few,
        band=f"{_text(figure.low, figure)} to {_text(figure.high, figure)}",
        verdict=line.verdict, source=figure.source, basis=_BASIS[figure.basis], remark=measure.reason or "",
        place=_place(measure.value, figure),
    )


def _unit(figure: Figure) -> str:
    """Units that the quantity says already are not written behind every number."""
    return figure.unit if figure.unit in {"share", "minutes", "ratio"} else ""


def _text(value: float | None, figure: Figure) -> str:
    if value is not None and figure.unit == "ratio":
        return f"{value:.2f}"
    if value is not None and figure.unit == "share" and value > 0.98:
        # 99.95% is not 100%.
        return f"{value:.2%}"
    return words.quantity(value, _unit(figure))


def _place(value: float | None, figure: Figure) -> float | None:
    """The value on a scale on which the band is the middle half."""
    if value is None:
        return None
    return min(100.0, max(0.0, 25.0 + 50.0 * (value - figure.low) / (figure.high - figure.low)))
