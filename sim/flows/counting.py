"""Cycle counts: what is seen, how far the book is off, and the adjustment that someone approves.

Cells are counted four, two or one times a year by class, before the shops open. A count that is off
by more than its class tolerance and a floor is a ``count_variance``. Its adjustment waits for the
approval that its value asks for: the store manager at noon, inventory control in the afternoon,
finance the next day. A DC counts by scanner, every week.

What a counter gets wrong is in :mod:`sim.flows.miscounting`. A *recount* is blind and by another person:
it cancels the adjustment that still waits, and its own goes up the ladder.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import numpy.typing as npt
import simpy

from sim.actions import Action
from sim.clock import DAY, HOUR, SECOND
from sim.counts import CountSheet
from sim.draws import Kind, Purpose, keyed_int
from sim.events import CODE, DOCUMENT_TYPE, INTERFACE, SOURCE, STATUS
from sim.flows.manual import Manual
from sim.flows.mending import Mending, Outcome
from sim.flows.miscounting import Counters, Seen
from sim.flows.misplacing import Misplacing
from sim.ledger import Belief
from sim.ledger import Kind as StockKind
from sim.middleware.messages import Messages
from sim.opening import count_calendar
from sim.region import Region

I64 = npt.NDArray[np.int64]

#: When the day's counts start. Assumption.
_COUNT_HOUR = 7
#: Value of an adjustment up to which a store manager and inventory control approve; finance has no limit. Assumptions.
_APPROVED_UP_TO = (500.0, 5000.0)
#: Hours from the count to the approval by each of the three. Assumptions.
_APPROVED_AFTER_HOURS = (5.0, 8.0, 30.0)
#: Limit, role and hours of each step of approval.
LADDER: tuple[tuple[float, str, float], ...] = tuple(zip(
    (*_APPROVED_UP_TO, float("inf")), ("store_manager", "inventory_control", "finance"), _APPROVED_AFTER_HOURS,
    strict=True,
))
#: Packing of a count's key: cell | day | ordinal of the day.
_CELL_SHIFT, _DAY_SHIFT = 15, 3
#: How long after a count it can still be asked for a recount. Assumption.
_RECOUNTED_WITHIN = 7 * DAY
_NONE = -1


class Counting:
    """Counts of a region: the scheduled ones, and those that someone asks for."""

    def __init__(self, region: Region, manual: Manual, mending: Mending, misplacing: Misplacing) -> None:
        self._region, self._manual = region, manual
        self._counters = Counters(region.room, misplacing)
        mending.remedies["recount"] = self.recount
        room, counting = region.room, region.room.config.counting
        self._interval, self._phase = count_calendar(room)
        self._tolerance = np.tile(np.asarray(counting.tolerance)[room.catalogue.count_class], room.locations)
        self._asked: dict[tuple[int, int], int] = {}
        # When a cell was counted last, the count of it whose adjustment waits, and those that a recount cancelled.
        self._counted_at = np.full(room.ledger.cells, _NONE, np.int64)
        self._waiting = np.full(room.ledger.cells, _NONE, np.int64)
        self._cancelled: set[int] = set()
        #: count -> fault that owns its mistake, while it may still be booked.
        self._owners: dict[int, int] = {}

    def rounds(self) -> Generator[simpy.Event, Any, None]:
        """Every morning's count list."""
        room = self._region.room
        yield room.env.timeout(_COUNT_HOUR * HOUR)
        while True:
            day = room.day_of(room.now)
            due = np.flatnonzero((self._phase + day) % self._interval == 0)
            # Nobody walks to an item number that is not in use.
            due = due[room.catalogue.listed[due % room.items] | (room.ledger.belief[Belief.SITE_ON_HAND, due] != 0)]
            if self._region.closed:
                due = due[~np.isin(due // room.items, list(self._region.closed))]
            if len(due):
                self._gauge(due[due >= room.items])
                self.count(due, 0)
                minutes = room.config.counting.seconds_per_cell / 60.0
                for team, rows in (("dc", due < room.items), ("store", due >= room.items)):
                    self._region.people.spend(team, np.count_nonzero(rows) * minutes)
            yield room.env.timeout(DAY)

    def _gauge(self, cells: npt.NDArray[np.integer]) -> None:
        """How many records of the shops are wrong just before they are counted."""
        ledger = self._region.room.ledger
        book = ledger.belief[Belief.SITE_ON_HAND].take(cells) - ledger.in_flight[Belief.SITE_ON_HAND].take(cells)
        wrong = np.count_nonzero(book != ledger.fact[StockKind.ON_HAND].take(cells))
        self._region.room.gauges.add("inaccurate_at_count", int(wrong), len(cells))

    def count_one(self, cell: int, by: int) -> CountSheet | None:
        """Count a cell because someone asked; its adjustment goes up the ladder like any other.

        Returns:
            The sheet, or None where the cell was counted too often today already.
        """
        day = self._region.room.day_of(self._region.room.now)
        ordinal = self._asked.get((cell, day), 0) + 1
        if ordinal >= 1 << _DAY_SHIFT:
            return None
        self._asked[cell, day] = ordinal
        return self.count(np.array([cell]), ordinal, by)

    def count(self, cells: npt.NDArray[np.integer], ordinal: int, by: int = -1) -> CountSheet:
        """Count cells now: rows, variances, and an adjustment for each difference."""
        room, ledger = self._region.room, self._region.room.ledger
        day = room.day_of(room.now)
        body = (cells.astype(np.int64) << _CELL_SHIFT) | np.int64(day << _DAY_SHIFT) | np.int64(ordinal)
        seen = self._counters.see(cells, day, ordinal, room.ids.of(Kind.COUNT, body, 15), by)
        # What is on the dock is not on a shelf that someone counts.
        sheet = room.counts.take(cells, seen.mistake, seen.missed_cutoff)
        counting = room.config.counting
        variance = np.abs(sheet.delta) > np.maximum(self._tolerance[cells] * np.abs(sheet.book),
                                                    counting.floor_units - 1)
        at = room.now + np.arange(len(cells)) % 3600 * SECOND
        self._show(sheet, body, variance, at)
        room.rules.contradicted(cells[sheet.delta != 0], room.now)
        ledger.promote(cells[variance], room.now)
        for row in np.flatnonzero(variance).tolist():
            self._vary(sheet, row, int(body[row]), int(at[row]), seen)
        if variance.any():
            # The variances were named since: the sheet that goes up the ladder sees their entries.
            sheet = room.counts.take(cells, seen.mistake, seen.missed_cutoff)
        self._own(sheet, body, seen, by)
        self._approve(sheet, body, by)
        return sheet

    def recount(self, action: Action) -> Outcome:
        """Count a cell again, blind, by another person, in place of the count that stands."""
        room = self._region.room
        if not (0 <= action.location < room.locations and 0 <= action.item < room.items):
            return "it names no cell", 0
        cell = room.cell(int(action.location), int(action.item))
        if self._counted_at[cell] == _NONE or room.now - self._counted_at[cell] > _RECOUNTED_WITHIN:
            return "it was not counted of late", 0
        first = int(self._waiting[cell])
        sheet = self.count_one(cell, action.action_id)
        if sheet is None:
            return "it was counted too often today", 0
        if first != _NONE:
            self._cancelled.add(first)
            if self._waiting[cell] == first:
                self._waiting[cell] = _NONE
            self._let_go(first, action.action_id)
        return "", int(sheet.delta[0])

    def _own(self, sheet: CountSheet, body: np.ndarray, seen: Seen, by: int) -> None:
        """Whose the counts' own mistakes will be, where they are more than slips."""
        room = self._region.room
        self._counted_at[sheet.cells] = room.now
        if not seen.gross and not (seen.unseen and by >= 0):
            return
        row_of = {cell: row for row, cell in enumerate(sheet.cells.tolist())}
        for cell in sorted({*seen.gross, *(seen.unseen if by >= 0 else ())}):
            row = row_of[cell]
            if cell in seen.gross:
                fault = seen.gross[cell]
                room.truth.lineage(room.ids.one(Kind.COUNT, int(body[row]), 0), fault)
            else:
                # Who asks for a count where a search was due writes off what will be found.
                location, item = divmod(cell, room.items)
                fault = room.truth.repair_fault(by, room.now, location, item)
            if sheet.delta[row]:
                self._owners[int(body[row])] = fault
                room.truth.hold(fault)

    def _let_go(self, body: int, by: int) -> None:
        """An adjustment no longer waits: booked, or cancelled by the action ``by``."""
        room, fault = self._region.room, self._owners.pop(body, _NONE)
        if fault != _NONE:
            room.truth.release(fault, by)
            if by >= 0:
                room.truth.lineage(by, fault)

    def _show(self, sheet: CountSheet, body: np.ndarray, variance: np.ndarray, at: np.ndarray) -> None:
        room = self._region.room
        location, item = room.split(sheet.cells)
        room.stream.emit(
            "cycle_counting", len(sheet), event_id=room.ids.of(Kind.COUNT, body, 0), occurred_at=at, recorded_at=at,
            available_at=at + 60 * SECOND,
            source=np.where(location == 0, SOURCE["WMS"], SOURCE["STORE"]).astype(np.int32), location=location,
            item=item, quantity=sheet.counted, count=sheet.book,
            status=np.where(variance, STATUS["variance"], STATUS["within"]).astype(np.int32),
            document_type=DOCUMENT_TYPE["count"], document_id=room.ids.of(Kind.COUNT, body, 15),
        )

    def _vary(self, sheet: CountSheet, row: int, body: int, at: int, seen: Seen) -> None:
        """A count out of tolerance: what the difference consists of is named now."""
        room, ledger = self._region.room, self._region.room.ledger
        cell = int(sheet.cells[row])
        weight: dict[int, int] = {}
        for entry in ledger.open_entries(cell):
            if ledger.entries.belief[entry] == 0:
                fault = ledger.entries.fault[entry]
                weight[fault] = max(weight.get(fault, 0), abs(ledger.entries.rest[entry]))
        if cell in seen.unseen:
            weight.update(room.rules.misplaced(cell))
        if cell in seen.gross:
            fault = seen.gross[cell]
            weight[fault] = abs(room.truth.faults.units[fault])
        if not weight:
            return
        faults = sorted(weight, key=lambda fault: (-weight[fault], fault))
        location, item = divmod(cell, room.items)
        document = room.ids.one(Kind.COUNT, body, 15)
        room.truth.open_exception(
            "count_variance", (body,), room.truth.faults.type[faults[0]], faults, room.now, location=location,
            item=item, document_id=document, first_evidence_at=at + 60 * SECOND,
            loss_at_stake=abs(int(sheet.delta[row])) * room.unit_margin(item),
        )
        case = self._manual.open_case("count_variance", "inventory_control", location=location, item=item,
                                      document_id=document)
        self._manual.cases.closed_at[case] = room.now + 5 * HOUR

    # -- approval --------------------------------------------------------------------------------

    def _approve(self, sheet: CountSheet, body: np.ndarray, by: int) -> None:
        """Send each difference up the ladder that its value asks for."""
        room = self._region.room
        value = np.abs(sheet.delta) * room.catalogue.cost[sheet.cells % room.items]
        low = 0.0
        for limit, role, hours in LADDER:
            rows = (sheet.delta != 0) & (value > low) & (value <= limit)
            if rows.any():
                part, keys = sheet.take(rows), body[rows]
                self._waiting[part.cells] = keys
                team = "store" if role == "store_manager" else role
                self._region.people.spend(team, 0.5 * len(part) if by < 0 else 3.0)
                wait = hours if by < 0 else min(hours, 2.0)
                room.at(room.now + round(wait * HOUR), lambda p=part, k=keys: self._book(p, k, by))  # type: ignore[misc]
            low = limit

    def _book(self, sheet: CountSheet, body: np.ndarray, by: int) -> None:
        """An approved adjustment: the site's book now, ERP and OMS by message."""
        room = self._region.room
        if self._cancelled:
            kept = ~np.isin(body, np.fromiter(self._cancelled, np.int64, len(self._cancelled)))
            self._cancelled.difference_update(body.tolist())
            sheet, body = sheet.take(kept), body[kept]
            if not len(sheet):
                return
        still = self._waiting[sheet.cells] == body
        self._waiting[sheet.cells[still]] = _NONE
        document = room.ids.of(Kind.COUNT, body, 15)
        spare = room.truth.repair_fault(keyed_int(room.seed, Purpose.COUNT, room.region, int(body[0])) >> 13, room.now,
                                        -1, -1)
        acts = np.full(len(sheet), by) if by >= 0 else document
        if by >= 0:
            for entries in sheet.named.values():
                for entry, _ in entries:
                    room.truth.lineage(by, room.ledger.entries.fault[entry])
        owned = [key for key in body.tolist() if key in self._owners] if self._owners else []
        owners = {key >> _CELL_SHIFT: self._owners[key] for key in owned}
        room.counts.apply(sheet, room.now, acts, spare, owners)
        for key in owned:
            room.truth.lineage(room.ids.one(Kind.COUNT, key, 1), self._owners[key])
            self._let_go(key, _NONE)
        room.rules.touch(sheet.cells)
        at = room.now + np.arange(len(sheet)) % 600 * SECOND
        in_dc = sheet.cells < room.items
        for name, here in (("wms", in_dc), ("store", ~in_dc)):
            for code, rows in (("701", here & (sheet.delta > 0)), ("702", here & (sheet.delta < 0))):
                if rows.any():
                    self._tell(name, code, sheet.take(rows), body[rows], at[rows])

    def _tell(self, name: str, code: str, sheet: CountSheet, body: I64, at: I64) -> None:
        """Gains or losses of counts: ERP and OMS hear of them, and a row shows them."""
        region, room = self._region, self._region.room
        location, item = room.split(sheet.cells)
        key, document = body + np.int64(room.ids.prefix(Kind.COUNT, 1)), room.ids.of(Kind.COUNT, body, 15)
        sequence = region.channels[name].send(Messages(
            location=location, cell=sheet.cells, on_hand=sheet.delta, key=key, sent_at=at, document_id=document,
            document_type=DOCUMENT_TYPE["count"], code=CODE[code],
        ))
        room.stream.emit(
            "adjusting", len(sheet), event_id=room.ids.scramble(key), occurred_at=at, recorded_at=at,
            available_at=at + 30 * SECOND, due_at=at + region.channels[name].erp.service,
            source=SOURCE["WMS" if name == "wms" else "STORE"], interface=INTERFACE[f"{name}_erp"],
            sequence=sequence, location=location, item=item, quantity=sheet.delta, code=CODE[code],
            document_type=DOCUMENT_TYPE["count"], document_id=room.ids.of(Kind.COUNT, body, 14),
            parent_document_id=document,
        )


