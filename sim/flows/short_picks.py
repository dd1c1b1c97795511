"""Lines that were promised and not found: why, and what becomes of them.

A line is short because the picker missed what is there (a fault of its own, with the unresolved line as
its state), or because the cell's book is wrong or its goods are misplaced: then those faults are the
exception's, and only what mends them restores it (a count, a search). What another customer bought
between promise and pick is short without any fault. The picker offers a substitute at once where
customers take them; any other line stays open until someone promises it again from another place, or
until its promise ends: then it is cancelled, and the penalty is due.

Without an operator, order management works the afternoon's list of the dearest open lines.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import simpy

from sim.actions import Action
from sim.clock import DAY, HOUR, MINUTE, SECOND, TICK
from sim.draws import WORLD_IDS, Kind, Paper, Purpose, keyed, keyed_int, paper, threshold
from sim.events import DOCUMENT_TYPE, NULL, SOURCE, STATUS
from sim.flows.manual import Manual
from sim.flows.mending import Mending, Outcome
from sim.flows.picking import Picking, Shortfall
from sim.ledger import Belief, Place
from sim.ledger import Kind as StockKind
from sim.region import Region
from sim.systems.oms import OrderLines, available_to_promise, join

#: When order management takes up what is still short. Assumption.
_AFTERNOON_HOUR = 15
#: Lines that one head of order management takes up in an afternoon. Assumption.
_LINES_A_HEAD = 10
#: How soon a substitute is offered. Assumption.
_OFFER_AFTER = 5 * MINUTE
#: Share of customers who take another article when they are called. Assumption.
_CALLED_SHARE = 0.5
_CANCEL_STEP = 3


@dataclass
class OpenLine:
    """A short line that nobody has resolved.

    Attributes:
        line: with the units that are missing, one row.
        fault: of the picker, or -1.
        exception: number, or -1.
        bits: choices that belong to the line.
        listed: whether it is on somebody's list.
        cell: where it was to be picked.
        units: what is missing.
        document: its order.
    """

    line: OrderLines
    fault: int
    exception: int
    bits: int
    listed: bool = False

    cell: int = field(init=False)
    units: int = field(init=False)
    document: int = field(init=False)

    def __post_init__(self) -> None:
        # Every afternoon all open lines are put in order by these.
        line = self.line
        self.cell, self.units, self.document = int(line.cell[0]), int(line.units[0]), int(line.document[0])


class ShortPicks:
    """The short lines of a region.

    Args:
        region: whose lines.
        mending: its repairs.
        manual: its manual process.
        picking: the pickers, who ship a substitute.
        promise_again: reserves one line again; False where ATP does not cover it.
    """

    def __init__(self, region: Region, mending: Mending, manual: Manual, picking: Picking,
                 promise_again: Callable[[OrderLines], bool]) -> None:
        self._region, self._mending, self._manual, self._picking = region, mending, manual, picking
        self._promise_again = promise_again
        self._takes_below = int(threshold(region.room.config.online.substitute_rate))
        self._called_below = int(threshold(_CALLED_SHARE))
        self._open: dict[tuple[int, int], list[OpenLine]] = {}
        #: (end of the promise, line) by the tick in which it ends.
        self._ending: dict[int, list[tuple[int, OpenLine]]] = {}
        mending.remedies["repromise"] = self.repromise
        mending.remedies["substitute"] = self.substitute

    def note(self, short: Shortfall) -> None:
        """Take in what a wave did not find."""
        room = self._region.room
        if not len(short.lines):
            return
        lines = short.lines
        room.rules.contradicted(lines.cell[short.fault < 0], room.now)
        choices = keyed(room.seed, Purpose.SUBSTITUTE, room.region, lines.key, lines.attempt)
        columns = (short.fault, short.event, short.at, choices, lines.due)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for row, (fault, event, at, bits, due) in enumerate(rows):
            line = lines.take(slice(row, row + 1))
            entry = OpenLine(line, fault, self._except(line, fault, event, at), bits)
            self._open.setdefault((entry.document, entry.cell % room.items), []).append(entry)
            if bits < self._takes_below:
                room.at(at + _OFFER_AFTER, lambda e=entry: self._offer(e))  # type: ignore[misc]
            end = max(at + HOUR, due)
            self._ending.setdefault(end // TICK, []).append((end, entry))

    def _except(self, line: OrderLines, fault: int, event: int, at: int) -> int:
        """Open the exception of a short line, if a fault is behind it; returns its number or -1."""
        room = self._region.room
        cell, key, attempt, units = (int(c[0]) for c in (line.cell, line.key, line.attempt, line.units))
        if fault >= 0:
            faults = [fault]
            room.truth.hold(fault)
            room.truth.lineage(event, fault)
        else:
            faults = self._behind(cell)
        if not faults:
            return -1
        location, item = divmod(cell, room.items)
        stake = units * room.unit_margin(item) + room.config.costs.promise_penalty
        return room.truth.open_exception(
            "short_pick", (key, attempt), room.truth.faults.type[faults[0]], faults, room.now, location=location,
            item=item, document_id=int(line.document[0]), first_evidence_at=at + 20 * SECOND, loss_at_stake=stake,
        )

    def _behind(self, cell: int) -> list[int]:
        """Faults that make the OMS promise what a picker cannot find, the largest first, then the oldest."""
        room, ledger = self._region.room, self._region.room.ledger
        ledger.promote(np.array([cell]), room.now)
        weight: dict[int, int] = {}
        for entry in ledger.open_entries(cell):
            if ledger.entries.belief[entry] == Belief.OMS_ON_HAND and ledger.entries.rest[entry] > 0:
                fault = ledger.entries.fault[entry]
                weight[fault] = weight.get(fault, 0) + ledger.entries.rest[entry]
        weight.update(room.rules.misplaced(cell))
        return sorted(weight, key=lambda fault: (-weight[fault], fault))

    # -- what becomes of a line ------------------------------------------------------------------

    def _is_open(self, entry: OpenLine) -> bool:
        mine = self._open.get((entry.document, entry.cell % self._region.room.items), [])
        return any(other is entry for other in mine)

    def _settle(self, entry: OpenLine, by: int) -> None:
        """A line is resolved: the picker's miss harms nobody any more."""
        truth = self._region.room.truth
        self._forget(entry)
        if entry.fault >= 0:
            if by >= WORLD_IDS:
                truth.lineage(by, entry.fault)
            truth.release(entry.fault, by)

    def _forget(self, entry: OpenLine) -> None:
        place = entry.document, entry.cell % self._region.room.items
        kept = [other for other in self._open[place] if other is not entry]
        if kept:
            self._open[place] = kept
        else:
            del self._open[place]

    def tick(self, tick: int) -> None:
        """Promises that ended in a tick: lines that are still open are cancelled and cost their penalty."""
        ended = [(end, entry) for end, entry in self._ending.pop(tick, ()) if self._is_open(entry)]
        if not ended:
            return
        room, lines = self._region.room, join([entry.line for _, entry in ended])
        for end, entry in ended:
            self._forget(entry)
            if entry.exception >= 0:
                room.truth.close(entry.exception, end)
        location, item = room.split(lines.cell)
        room.figures["failed_lines"] += len(ended)
        room.figures["penalties"] += len(ended) * room.config.costs.promise_penalty
        room.figures["lost_units"] += int(lines.units.sum())
        room.figures["lost_margin"] += float((room.catalogue.price - room.catalogue.cost)[item] @ lines.units)
        at = np.array([end for end, _ in ended])
        room.stream.emit(
            "cancelling", len(ended), event_id=room.ids.of(Kind.ORDER, lines.key, _CANCEL_STEP), occurred_at=at,
            recorded_at=at, available_at=at + 60 * SECOND, source=SOURCE["OMS"], location=location, item=item,
            quantity=lines.units, status=STATUS["missing"], document_type=DOCUMENT_TYPE["order"],
            document_id=lines.document, correlation_id=lines.document,
        )

    def _found(self, action: Action) -> OpenLine | None:
        """The open line that an action names."""
        if action.document_id == NULL:
            return None
        return next(iter(self._open.get((int(action.document_id), int(action.item)), [])), None)

    def repromise(self, action: Action) -> Outcome:
        """Promise a short line again, from another place or for the next wave."""
        entry = self._found(action)
        return ("no line of it is short", 0) if entry is None else self._repromise(entry, action.action_id)

    def _repromise(self, entry: OpenLine, by: int) -> Outcome:
        if not self._is_open(entry):
            return "it is resolved already", 0
        if entry.line.attempt[0]:
            return "the customer was promised it twice", 0
        cell = self._elsewhere(entry)
        if not self._promise_again(OrderLines(**{**vars(entry.line), "cell": np.array([cell])})):
            return "nobody has it to promise", 0
        self._settle(entry, by)
        return "", entry.units

    def _elsewhere(self, entry: OpenLine) -> int:
        """The cell of the article with the most to promise; where it was, only if nobody else has it."""
        room = self._region.room
        cells = np.arange(entry.cell % room.items, room.ledger.cells, room.items)
        atp = available_to_promise(room.ledger, cells, self._mending.held)
        atp[cells == entry.cell] = 0
        best = int(np.argmax(atp))
        return int(cells[best]) if atp[best] >= entry.units else entry.cell

    def _offer(self, entry: OpenLine) -> None:
        """The picker offers the sibling article, and the customer takes it."""
        self._ship_sibling(entry, -1)

    def substitute(self, action: Action) -> Outcome:
        """Call the customer of a short line and offer the sibling article."""
        entry = self._found(action)
        if entry is None:
            return "no line of it is short", 0
        if keyed_int(entry.bits, Purpose.SUBSTITUTE) >= self._called_below:
            return "the customer wants nothing else", 0
        return self._ship_sibling(entry, action.action_id)

    def _ship_sibling(self, entry: OpenLine, by: int) -> Outcome:
        """Ship the sibling of a short article, where it stands in the same place."""
        if not self._is_open(entry):
            return "it is resolved already", 0
        room, ledger, line = self._region.room, self._region.room.ledger, entry.line
        location, item = divmod(entry.cell, room.items)
        cell = np.array([room.cell(location, int(room.catalogue.siblings[item, 0]))])
        shelf = min(entry.units, int(ledger.place[Place.SHELF, cell[0]]))
        if cell[0] == entry.cell or shelf + int(ledger.place[Place.BACKROOM, cell[0]]) < entry.units:
            return "the sibling article is not there", 0
        for place, units in ((Place.SHELF, shelf), (Place.BACKROOM, entry.units - shelf)):
            ledger.tell(StockKind.ON_HAND, cell, np.array([-units], np.int32), place=place,
                        posted=(Belief.SITE_ON_HAND,))
        self._settle(entry, by)
        body = np.int64(paper(Paper.SUBSTITUTE)) + line.key
        at = np.array([room.now])
        room.stream.emit(
            "substituting", 1, event_id=room.ids.of(Kind.DOCUMENT, body, 0), occurred_at=at, recorded_at=at,
            available_at=at + 20 * SECOND, source=SOURCE["STORE" if location else "WMS"], location=location, item=item,
            quantity=line.units, status=STATUS["substituted"], document_type=DOCUMENT_TYPE["order"],
            document_id=line.document, correlation_id=line.document,
        )
        self._picking.send(cell, line.units, body + np.int64(room.ids.prefix(Kind.DOCUMENT, 1)), line.document, at)
        return "", entry.units

    def afternoons(self) -> Generator[simpy.Event, Any, None]:
        """Order management takes up the dearest open lines, as many as its heads can."""
        room = self._region.room
        most = _LINES_A_HEAD * self._region.people.heads["order_management"]
        yield room.env.timeout(_AFTERNOON_HOUR * HOUR)
        while True:
            lines = [entry for entries in self._open.values() for entry in entries
                     if not entry.listed and not entry.line.attempt[0]]
            lines.sort(key=lambda e: (-e.units * room.unit_margin(e.cell % room.items), int(e.line.key[0])))
            for entry in lines[:most]:
                entry.listed = True
                location, item = divmod(entry.cell, room.items)
                self._manual.found("short_pick", "order_management", 0,
                                   lambda e=entry: self._repromise(e, -1),  # type: ignore[misc]
                                   location=location, item=item, document_id=entry.document)
            yield room.env.timeout(DAY)
