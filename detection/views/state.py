"""All views together: one update a step, in the order in which causes come before effects.

What is sent is entered before what is posted, so that a line sent and booked within one step is
neither overdue nor unknown; extracts come last, because they overrule the estimates.
"""

from __future__ import annotations

from collections.abc import Callable

from detection.layout import Layout
from detection.spec import OperatorSpec
from detection.views.cells import Cells
from detection.views.channels import Channels
from detection.views.columns import join
from detection.views.counts import Counts
from detection.views.messages import Messages
from detection.views.shipments import Shipments
from sim.clock import DAY, HOUR, MINUTE, TICK
from sim.events import EVENT_TYPE, NULL, Block, Rows

_JOINED_TYPES = frozenset(
    EVENT_TYPE[name] for name in ("shipping", "receiving", "inspecting", "returning", "adjusting", "posting")
)


class Views:
    """The expected and the seen state of a region.

    Attributes:
        cells, messages, channels, shipments, counts: the parts.
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
        self.day_offset = max(0, layout.opens - 1) * HOUR
        self._handlers: tuple[tuple[int, Callable[[Block], None]], ...] = tuple(
            (EVENT_TYPE[name], handler)
            for name, handler in (
                ("master_data", self.cells.describe),
                ("announcing", self.channels.announce),
                ("retail_selling", self._sell),
                ("ordering", self.shipments.order),
                ("confirming", self.shipments.revise),
                ("changing", self.shipments.revise),
                ("advising", lambda block: self.shipments.advise(self.now, block)),
                ("departing", self.shipments.depart),
                ("arriving", self.shipments.arrive),
                ("receiving", self._receive),
                ("shipping", self._send),
                ("returning", lambda block: self.messages.send(self.now, block)),
                ("inspecting", self._send),
                ("picking", self.cells.pick),
                ("cycle_counting", self._count),
                ("adjusting", self._adjust),
                ("posting", self._post),
                ("recovered", lambda block: self.channels.recover(self.now, block)),
                ("retrying", lambda block: self.channels.retry(self.now, block)),
                ("dead_letter", self.channels.die),
                ("sequence_gap", lambda block: self.channels.gap(self.now, block)),
                ("telemetry", lambda block: self.channels.measure(self.now, block)),
                ("stock_extract", self.cells.extract),
                ("reconciling", self.counts.reconcile),
            )
        )

    def update(self, now: int, rows: Rows) -> None:
        """Take in one step's rows."""
        before, self.now = self.now, now
        self.is_new_hour = before == NULL or now // HOUR != before // HOUR
        self.is_new_day = before != NULL and (now - self.day_offset) // DAY != (before - self.day_offset) // DAY
        for part in (self.cells, self.messages, self.channels, self.shipments, self.counts):
            part.begin()
        if self.is_new_day:
            self._end_day(now)
        by_type: dict[int, list[Block]] = {}
        for block in rows:
            if block.size:
                by_type.setdefault(block.event_type, []).append(block)
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
        self.channels.finish(now)
        self.shipments.finish(now)
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

    def _end_day(self, now: int) -> None:
        self.cells.end_day()
        self.messages.end_day(now)
        self.channels.end_day(now)
        self.shipments.end_day(now)

    def _sell(self, block: Block) -> None:
        self.messages.sell(block)
        self.cells.sell(block)

    def _send(self, block: Block) -> None:
        self.messages.send(self.now, block)
        self.cells.send(block)

    def _receive(self, block: Block) -> None:
        self.shipments.receive(block)
        self._send(block)

    def _count(self, block: Block) -> None:
        self.cells.count(block)
        self.counts.count(block)

    def _adjust(self, block: Block) -> None:
        self.counts.adjust(block)
        self._send(block)

    def _post(self, block: Block) -> None:
        self.cells.post(block, self.messages.post(block))


