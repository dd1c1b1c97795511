"""About two hundred one-liners: what a sceptic would try before building anything.

Public anomaly benchmarks were solved by single lines: a constant, a difference, a moving z (Wu and Keogh, "Current
time series anomaly detection benchmarks are flawed", IEEE TKDE 2021). This is that family over this stream: each
rule is one statistic of one simple series (:mod:`detection.detectors.series`) with one limit, and nothing else.
``detector.parameters.rule=N`` chooses one by its number in :data:`RULES`; the default is one that did best on a dev
seed of ``suite=audit``: most inferred exceptions, mean over types, within the budget of false alarms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from detection.detectors.base import DetectorContext
from detection.detectors.series import Above, Below, Crowd, Jump, MovingZ, Series, Silence, Statistic
from detection.layout import Layout
from detection.taxonomy import Finding
from detection.views.columns import integers
from detection.views.state import Views
from sim.events import NO_CODE, NULL, Block, Rows

_CELL, _CHANNEL, _LINE = ("location", "item"), ("interface", "location"), ("document_id", "item")
_MESSAGE, _DOCUMENT = ("interface", "location", "sequence"), ("document_id",)
#: Statistic, series, limits: one rule each.
_FAMILY: Final[tuple[tuple[type[Statistic], Series, tuple[float, ...]], ...]] = (
    # The value of a row against a constant.
    (Above, Series("retail_selling", "phantom_stock", _CELL, "quantity"), (2, 4, 8)),
    (Above, Series("retail_selling", "clock_skew", ("location",), "seen_after"), (0.5, 1, 2, 6)),
    (Below, Series("retail_selling", "clock_skew", ("location",), "seen_after"), (-1, -0.25, 0)),
    (Above, Series("retail_selling", "clock_skew", ("location",), "clock"), (0.05, 0.25, 1)),
    (Above, Series("returning", "missing_disposition", _DOCUMENT, "quantity"), (1, 3)),
    (Above, Series("returning", "missing_disposition", _DOCUMENT, "one"), (0,)),
    (Above, Series("posting", "posting_lag", _MESSAGE, "latency"), (60, 120, 240, 480)),
    (Above, Series("posting", "posting_lag", _MESSAGE, "seen_after"), (1, 4, 12)),
    (Above, Series("posting", "duplicate_message", _MESSAGE, "attempt"), (1, 2)),
    (Above, Series("posting", "unit_of_measure", _CELL, "quantity"), (24, 96, 400)),
    (Above, Series("posting", "negative_inventory", _CELL, "quantity"), (4, 12)),
    (Below, Series("posting", "negative_inventory", _CELL, "quantity"), (-24, -6, -1)),
    (Above, Series("stock_extract", "unit_of_measure", _CELL, "quantity"), (24, 96, 400)),
    (Below, Series("stock_extract", "negative_inventory", _CELL, "quantity"), (-48, -12, -6, -2, 0)),
    (Below, Series("stock_extract", "phantom_stock", _CELL, "quantity"), (1,)),
    (Above, Series("cycle_counting", "phantom_stock", _CELL, "one"), (0,)),
    (Below, Series("cycle_counting", "phantom_stock", _CELL, "quantity"), (1, 3)),
    (Above, Series("adjusting", "count_variance", _CELL, "quantity"), (0, 5)),
    (Below, Series("adjusting", "count_variance", _CELL, "quantity"), (-5, 0)),
    (Below, Series("picking", "phantom_stock", _CELL, "quantity"), (1,)),
    (Above, Series("reserving", "reservation_leak", _DOCUMENT, "quantity"), (1, 3)),
    (Above, Series("receiving", "receiving_variance", _LINE, "overdue"), (0, 4, 24)),
    (Above, Series("receiving", "unit_of_measure", _CELL, "quantity"), (48, 200)),
    (Above, Series("shipping", "transfer_delay", _DOCUMENT, "quantity"), (12, 48)),
    (Above, Series("advising", "late_asn", ("parent_document_id",), "overdue"), (-24, 0)),
    (Above, Series("arriving", "transfer_delay", _DOCUMENT, "overdue"), (0, 2, 8, 24)),
    (Above, Series("departing", "transfer_delay", _DOCUMENT, "overdue"), (-24, -8, 0)),
    (Above, Series("expecting", "transfer_delay", _DOCUMENT, "overdue"), (-12, 0)),
    (Above, Series("changing", "out_of_order", _DOCUMENT, "version"), (1, 2, 3)),
    (Above, Series("ordering", "late_asn", _DOCUMENT, "quantity"), (48, 200)),
    (Above, Series("sequence_gap", "dropped_message", _MESSAGE, "count"), (0, 1, 3)),
    (Above, Series("sequence_gap", "posting_lag", _CHANNEL, "count"), (0, 3)),
    (Above, Series("telemetry", "api_outage", _CHANNEL, "latency_p95"), (5, 15, 60, 240)),
    (Above, Series("telemetry", "dropped_message", _CHANNEL, "count"), (50, 200)),
    (Below, Series("telemetry", "dropped_message", _CHANNEL, "count"), (1, 3)),
    (Above, Series("retrying", "api_outage", ("interface",), "count"), (0, 5, 20)),
    (Above, Series("master_data", "duplicate_item", ("item",), "version"), (1,)),
    (Above, Series("master_data", "duplicate_item", ("item",), "one"), (0,)),
    (Above, Series("pricing", "price_mismatch", ("item",), "one"), (0,)),
    (Above, Series("invoicing", "unit_of_measure", ("item",), "quantity"), (48, 200)),
    # The absolute difference from the subject's last value.
    (Jump, Series("retail_selling", "phantom_stock", _CELL, "quantity"), (2, 4)),
    (Jump, Series("retail_selling", "price_mismatch", _CELL, "unit_price"), (0.01, 1, 5)),
    (Jump, Series("retail_selling", "dropped_message", ("location", "sequence"), "sequence"), (1, 2)),
    (Jump, Series("posting", "dropped_message", _MESSAGE, "sequence"), (1, 2, 5, 20)),
    (Jump, Series("posting", "negative_inventory", _CELL, "quantity"), (6, 24)),
    (Jump, Series("posting", "schema_drift", ("interface",), "version"), (0,)),
    (Jump, Series("stock_extract", "negative_inventory", _CELL, "quantity"), (4, 12, 48)),
    (Jump, Series("receiving", "receiving_variance", _CELL, "quantity"), (4, 12, 48)),
    (Jump, Series("telemetry", "dropped_message", _CHANNEL, "count"), (5, 20)),
    (Jump, Series("telemetry", "schema_drift", ("interface",), "version"), (0,)),
    (Jump, Series("telemetry", "api_outage", _CHANNEL, "latency_p95"), (5, 15, 60)),
    (Jump, Series("master_data", "unit_of_measure", ("item",), "quantity"), (0, 2)),
    (Jump, Series("master_data", "price_mismatch", ("item",), "unit_price"), (0.01, 1)),
    (Jump, Series("confirming", "out_of_order", _DOCUMENT, "version"), (0, 1)),
    (Jump, Series("changing", "out_of_order", _DOCUMENT, "version"), (0, 1)),
    (Jump, Series("cycle_counting", "count_variance", _CELL, "quantity"), (2, 5, 10)),
    (Jump, Series("invoicing", "price_mismatch", ("item",), "unit_price"), (0.01, 1)),
    # The distance from the subject's moving mean, in moving standard deviations.
    (MovingZ, Series("retail_selling", "phantom_stock", _CELL, "quantity"), (3, 5, 8)),
    (MovingZ, Series("retail_selling", "price_mismatch", _CELL, "unit_price"), (3, 6)),
    (MovingZ, Series("retail_selling", "clock_skew", ("location",), "seen_after"), (3, 5, 8)),
    (MovingZ, Series("posting", "negative_inventory", _CELL, "quantity"), (3, 5, 8)),
    (MovingZ, Series("posting", "posting_lag", _CHANNEL, "latency"), (3, 5, 8)),
    (MovingZ, Series("stock_extract", "negative_inventory", _CELL, "quantity"), (2, 3, 4, 6)),
    (MovingZ, Series("stock_extract", "unit_of_measure", ("item",), "quantity"), (4, 8)),
    (MovingZ, Series("receiving", "unit_of_measure", ("item",), "quantity"), (2, 3, 5)),
    (MovingZ, Series("shipping", "transfer_delay", ("item",), "quantity"), (3, 5)),
    (MovingZ, Series("telemetry", "dropped_message", _CHANNEL, "count"), (3, 5, 8)),
    (MovingZ, Series("telemetry", "api_outage", _CHANNEL, "latency_p95"), (3, 5, 8)),
    (MovingZ, Series("arriving", "transfer_delay", ("location",), "overdue"), (2, 3)),
    # The rows of a subject in a day.
    (Crowd, Series("", "negative_inventory", _CELL, "one"), (3, 6, 12, 24)),
    (Crowd, Series("", "posting_lag", _DOCUMENT, "one"), (4, 12)),
    (Crowd, Series("retail_selling", "phantom_stock", _CELL, "one"), (2, 5, 10)),
    (Crowd, Series("retail_selling", "clock_skew", ("location",), "one"), (50, 200)),
    (Crowd, Series("posting", "duplicate_message", _CELL, "one"), (1, 2, 4)),
    (Crowd, Series("posting", "dropped_message", _CHANNEL, "one"), (20, 100)),
    (Crowd, Series("returning", "missing_disposition", _CELL, "one"), (1,)),
    (Crowd, Series("reserving", "reservation_leak", _CELL, "one"), (1, 2)),
    (Crowd, Series("picking", "phantom_stock", _CELL, "one"), (1, 2)),
    (Crowd, Series("sequence_gap", "posting_lag", ("location",), "one"), (0, 1)),
    (Crowd, Series("changing", "out_of_order", _DOCUMENT, "one"), (0, 1)),
    # The hours since the subject's last row, or since a document's first without the row that it waits for.
    (Silence, Series("retail_selling", "phantom_stock", _CELL, "one"), (24, 48, 72, 120, 168)),
    (Silence, Series("posting", "posting_lag", _CHANNEL, "one"), (6, 24)),
    (Silence, Series("telemetry", "api_outage", _CHANNEL, "one"), (2, 6)),
    (Silence, Series("ordering", "late_asn", _DOCUMENT, "one", ("advising",)), (24, 48, 72, 120)),
    (Silence, Series("ordering", "late_asn", _DOCUMENT, "one", ("arriving",)), (48, 96)),
    (Silence, Series("advising", "late_asn", _DOCUMENT, "one", ("arriving",)), (24, 48)),
    (Silence, Series("departing", "transfer_delay", _DOCUMENT, "one", ("arriving",)), (6, 12, 24)),
    (Silence, Series("shipping", "transfer_delay", _DOCUMENT, "one", ("receiving",)), (24, 48)),
    (Silence, Series("receiving", "posting_lag", _DOCUMENT, "one", ("posting",)), (2, 6, 12)),
    (Silence, Series("shipping", "posting_lag", _DOCUMENT, "one", ("posting",)), (2, 6, 12)),
    (Silence, Series("returning", "missing_disposition", _DOCUMENT, "one", ("inspecting",)), (12, 24, 48)),
    (Silence, Series("reserving", "reservation_leak", _DOCUMENT, "one", ("picking", "cancelling")), (6, 12, 24)),
    (Silence, Series("shipping", "rtv_gap", _DOCUMENT, "one", ("crediting",)), (96, 168)),
)


@dataclass(frozen=True)
class Rule:
    """One rule: a statistic of a series, and its limit."""

    statistic: type[Statistic]
    series: Series
    limit: float

    def __str__(self) -> str:
        said = {
            Above: "above", Below: "below", Jump: "absolute difference above", MovingZ: "moving z above",
            Crowd: "rows in a day above", Silence: "hours of silence above",
        }[self.statistic]  # fmt: skip
        of = "" if self.series.value == "one" else f" {self.series.value}"
        until = f" (until {' or '.join(self.series.until)})" if self.series.until else ""
        by = ", ".join(self.series.subject)
        return f"{self.series.event or 'any row'}{of} by {by}{until}: {said} {self.limit:g}"


#: Every rule; the position is its number.
RULES: Final[tuple[Rule, ...]] = tuple(
    Rule(statistic, series, limit) for statistic, series, limits in _FAMILY for limit in limits
)
#: The best on the first dev seed of ``suite=audit``; the audit chooses anew on all of them.
BEST: Final = 219


class Line:
    """One rule at work: what it raises, step by step, from the rows alone."""

    def __init__(self, rule: Rule, layout: Layout) -> None:
        self._rule = rule
        self._statistic = rule.statistic(rule.series, rule.limit, layout)

    def step(self, now: int, rows: Rows) -> Iterator[Finding]:
        """The findings of one step."""
        series = self._rule.series
        if isinstance(self._statistic, Silence):
            for quiet in self._statistic.watch(now, rows):
                yield self._finding(quiet.subject, 1.0, quiet.event_id)
            return
        for block in series.blocks(rows):
            flagged, score = self._statistic.flags(now, block)
            places = flagged.nonzero()[0].tolist()
            if places:
                yield from self._of(block, places, score.tolist())

    def _of(self, block: Block, places: Sequence[int], score: Sequence[float]) -> Iterator[Finding]:
        columns = [integers(block, name).tolist() for name in self._rule.series.subject]
        events = integers(block, "event_id").tolist()
        for place in places:
            subject = tuple(column[place] for column in columns)
            if min(subject) >= 0:
                yield self._finding(subject, score[place], events[place])

    def _finding(self, subject: Sequence[int], score: float, event_id: int) -> Finding:
        names = ["document_id" if name == "parent_document_id" else name for name in self._rule.series.subject]
        named = dict(zip(names, subject, strict=True))
        return Finding(
            self._rule.series.claim, named.get("location", NO_CODE), named.get("item", NO_CODE),
            named.get("document_id", NULL), named.get("interface", NO_CODE), named.get("sequence", NULL),
            score=score, evidence=(event_id,),
        )  # fmt: skip


class OneLiner:
    """The rule of :data:`RULES` that the parameter ``rule`` numbers."""

    def __init__(self, context: DetectorContext) -> None:
        number = int(context.spec.parameter("rule", BEST))
        if not 0 <= number < len(RULES):
            raise ValueError(f"detector.parameters.rule={number}: must be from 0 to {len(RULES) - 1}")
        self._line = Line(RULES[number], context.layout)

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """What the rule flags."""
        return self._line.step(views.now, rows)
