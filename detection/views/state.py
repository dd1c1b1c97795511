"""All views together: one update a step, in the order in which causes come before effects.

What is sent is entered before what is posted, so that a line sent and booked within one step is
neither overdue nor unknown; extracts come last, because they overrule the estimates.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from detection.layout import Layout
from detection.spec import OperatorSpec
from detection.views.batches import Batches
from detection.views.cells import Cells
from detection.views.channels import Channels
from detection.views.clocks import Clocks
from detection.views.columns import integers, join
from detection.views.counts import Counts
from detection.views.credits import Credits
from detection.views.messages import Messages
from detection.views.picks import Picks
from detection.views.prices import Prices
from detection.views.records import ItemRecords
from detection.views.redelivered import Redelivered, SecondDelivery
from detection.views.reserved import Reservations
from detection.views.returned import ReturnedGoods
from detection.views.shipments import Shipments
from detection.views.signals import SIGNALLING, Signals
from detection.views.versions import Versions
from sim.clock import DAY, HOUR, MINUTE, TICK
from sim.events import EVENT_TYPE, NULL, STATUS, Block, Rows

_JOINED_TYPES = frozenset(
    EVENT_TYPE[name]
    for name in (
        "shipping", "receiving", "inspecting", "returning", "adjusting", "posting", "destroying", "batching",
        "changing", "crediting", "dead_letter", "cancelling", "substituting", "moving", "cycle_counting", "reserving",
        "picking", "telemetry", "retrying", "sequence_gap",
    )
)  # fmt: skip


class Views:
    """The expected and the seen state of a region.

    Attributes:
        cells, messages, channels, shipments, counts, prices, clocks, batches, returned, credits, versions,
            reservations, picks, records, redelivered, signals: the parts.
        now: simulated time of the step.
        is_new_hour, is_new_day: whether the step is the first of its hour or of its working day,
            which begins an hour before the shops open.
        day_offset: when in the day that is, microseconds.
    """

    def __init__(self, layout: Layout, spec: OperatorSpec) -> None:
        self.layout, self.spec = layout, spec
        self.now = NULL
        self.is_new_hour = self.is_new_day = False
        self.cells = Cells(layout.locations, layout.items)
        self.messages = Messages(layout.locations, layout.items, spec.service_hours, spec.grace_minutes)
        self.channels = Channels(layout.locations)
        self.shipments = Shipments(layout.locations, spec.grace_minutes)
        self.counts = Counts(layout.locations, layout.items)
        self.prices, self.clocks, self.picks = Prices(layout.items), Clocks(), Picks(layout.items)
        self.batches, self.credits = Batches(layout.locations, spec.grace_minutes), Credits(spec.grace_minutes)
        self.returned, self.versions, self.records = ReturnedGoods(), Versions(), ItemRecords(layout.items)
        self.reservations = Reservations(layout.locations, layout.items, round(spec.service_hours * HOUR))
        self.redelivered, self.signals = Redelivered(layout.items), Signals()
        self._parts = (
            self.cells, self.messages, self.channels, self.shipments, self.counts, self.prices, self.clocks,
            self.batches, self.returned, self.credits, self.versions, self.reservations, self.picks, self.records,
            self.redelivered, self.signals,
        )  # fmt: skip
        self.day_offset = max(0, layout.opens - 1) * HOUR
        handlers = (*self._goods_handlers(), *self._technical_handlers())
        self._handlers = tuple((EVENT_TYPE[name], handler) for name, handler in handlers)

    def _goods_handlers(self) -> tuple[tuple[str, Callable[[Block], None]], ...]:
        """Who reads what of goods and their papers, in order."""
        return (
            ("master_data", self._describe),
            ("pricing", self.prices.change),
            ("retail_selling", self._sell),
            ("ordering", self.shipments.order),
            ("confirming", self._confirm),
            ("changing", self._change),
            ("advising", lambda block: self.shipments.advise(self.now, block)),
            ("departing", self.shipments.depart),
            ("arriving", lambda block: self.shipments.arrive(self.now, block)),
            ("receiving", self._receive),
            ("shipping", self._send),
            ("returning", self._take_back),
            ("inspecting", self._inspect),
            ("destroying", self._send),
            ("crediting", self.credits.credit),
            ("reserving", self._reserve),
            ("picking", self._pick),
            ("cancelling", self._cancel),
            ("substituting", self.picks.resolve),
            ("moving", lambda block: self.counts.move(self.now, block)),
            ("cycle_counting", self._count),
            ("adjusting", self._adjust),
            ("posting", self._post),
        )

    def _technical_handlers(self) -> tuple[tuple[str, Callable[[Block], None]], ...]:
        """Who reads what of interfaces and extracts, in order."""
        return (
            ("announcing", self.channels.announce),
            # That an interface was down at the end of an hour is older news than that it came back.
            ("telemetry", lambda block: self.channels.measure(self.now, block)),
            ("recovered", lambda block: self.channels.recover(self.now, block)),
            ("retrying", lambda block: self.channels.retry(self.now, block)),
            ("dead_letter", lambda block: self.channels.die(self.now, block)),
            ("sequence_gap", lambda block: self.channels.gap(self.now, block)),
            ("batching", self.batches.take),
            ("stock_extract", self._extract),
            ("reconciling", self.counts.reconcile),
        )

    def update(self, now: int, rows: Rows) -> None:
        """Take in one step's rows."""
        before, self.now = self.now, now
        self.is_new_hour = before == NULL or now // HOUR != before // HOUR
        self.is_new_day = before != NULL and (now - self.day_offset) // DAY != (before - self.day_offset) // DAY
        for part in self._parts:
            part.begin()
        if self.is_new_day:
            self._end_day(now)
        self.prices.advance(now)
        by_type: dict[int, list[Block]] = {}
        for block in rows:
            if block.size:
                by_type.setdefault(block.event_type, []).append(block)
        for code in SIGNALLING:
            self.signals.take(by_type.get(code, ()))
        for code, handler in self._handlers:
            found = by_type.get(code)
            if found is None:
                continue
            for block in (join(found),) if code in _JOINED_TYPES else found:
                handler(block)
        self.messages.finish(now)
        # Overdue lines no longer excuse a book below zero; when one posts at last, the posting takes
        # out of flight what is no longer in it.
        self.cells.expire(self.messages.overdue, sign=-1)
        self.cells.expire(self.messages.settled, sign=1)
        self.cells.expire(self.messages.doubled, sign=1)
        self._await_gaps(now)
        for part in (self.channels, self.shipments, self.batches, self.returned, self.credits):
            part.finish(now)
        self._prove_seconds(now)
        self.cells.finish()

    def _await_gaps(self, now: int) -> None:
        """Give each new gap its due time: at once for one line of a batch, else a service level after it was sent."""
        service = int(self.spec.service_hours * HOUR)
        grace = int(self.spec.grace_minutes * MINUTE)
        for gap in self.channels.gaps_opened:
            is_line = gap.count == 1 and self.messages.is_one_of_many(gap.interface, gap.location, gap.first)
            line = self.messages.source_of(gap.interface, gap.location, gap.first + gap.count - 1)
            sent_at = gap.seen_at if line is None or line.sent_at == NULL else line.sent_at
            # That a gap was filled is told at the end of an hour, so a step after one is when to look.
            told_at = -(-(sent_at + service + grace) // HOUR) * HOUR + TICK
            due_at = now if is_line else max(now, told_at)
            self.channels.await_gap(gap, due_at, is_line=is_line)

    def _prove_seconds(self, now: int) -> None:
        """Which numbers that came twice were applied twice."""
        for signal in self.channels.doubled:
            if self.messages.is_posted_journal(signal.interface):
                continue  # a second posting row would say so
            line = self.messages.source_of(signal.interface, signal.location, signal.sequence)
            if line is not None:
                self.redelivered.wait(SecondDelivery(signal, line, now))
        for rise in self.channels.rises:
            self.redelivered.count(*rise)
        if self.cells.surprises:
            self.redelivered.compare("ERP", self.cells.surprises)
        if self.counts.is_reconciled and self.redelivered.waiting:
            for book in ("ERP", "OMS"):
                self.redelivered.compare(book, self.counts.differences_of(book))

    def _end_day(self, now: int) -> None:
        self.cells.end_day()
        self.returned.end_day()
        for part in (
            self.messages, self.channels, self.shipments, self.batches, self.credits, self.versions,
            self.reservations, self.picks, self.redelivered,
        ):  # fmt: skip
            part.end_day(now)

    def strikes(self, location: int, item: int) -> list[int]:
        """Rows of a cell's short picks since its last sign of life, oldest first."""
        cell = location * self.cells.items + item
        return self.picks.strikes(cell, int(self.cells.mark[cell]))

    def _describe(self, block: Block) -> None:
        self.cells.describe(block)
        self.prices.describe(block)
        self.records.describe(block)

    def _confirm(self, block: Block) -> None:
        self.shipments.revise(block)
        self.versions.confirm(self.now, block)

    def _change(self, block: Block) -> None:
        self.shipments.revise(block)
        self.versions.change(self.now, block)

    def _sell(self, block: Block) -> None:
        self.messages.sell(block)
        self.cells.sell(block)
        self.prices.sell(self.now, block)
        self.clocks.read(block)
        self.batches.sell(self.now, block)

    def _send(self, block: Block) -> None:
        self.messages.send(self.now, block)
        self.cells.send(block)

    def _receive(self, block: Block) -> None:
        self.shipments.receive(block)
        self._send(block)

    def _take_back(self, block: Block) -> None:
        self.messages.send(self.now, block)
        self.returned.take_in(self.now, block)

    def _inspect(self, block: Block) -> None:
        self.returned.inspect(block)
        self._send(block)

    def _reserve(self, block: Block) -> None:
        self.reservations.reserve(block)
        self.picks.resolve(block)

    def _pick(self, block: Block) -> None:
        self.cells.pick(block)
        self.reservations.close(block)
        self.picks.pick(self.now, block, self.cells.clock)

    def _cancel(self, block: Block) -> None:
        self.reservations.cancel(block)
        self.picks.resolve(block)

    def _count(self, block: Block) -> None:
        self.cells.count(block)
        self.counts.count(block)
        self.picks.clear(self.cells.cell_of(block))

    def _adjust(self, block: Block) -> None:
        self.counts.adjust(block)
        self._send(block)

    def _post(self, block: Block) -> None:
        self.cells.post(block, self.messages.post(block))

    def _extract(self, block: Block) -> None:
        if np.any(integers(block, "status") == STATUS["reserved"]):
            self.reservations.extract(block)
        else:
            self.cells.extract(block, self.batches.pending(self.cells.items), self.redelivered.cells("ERP"))
