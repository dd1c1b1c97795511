"""Prices on their way to the tills: the nightly push, what goes wrong with it, and who puts it right.

Each night master data sends the day's changes, one row a change, to the tills of every shop, which must
hold them before dawn. A push to one shop may come late (its till keeps the old price for hours or days)
or be applied by a wrong rule (its till asks something else until someone sends the price again, or the
next change comes). The mismatch of a cell is an exception from the moment its push is due; the stream
shows it by the first line sold at the wrong price.

A run opens with the mismatches that the pushes before it have left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.actions import Action
from sim.clock import DAY, HOUR, MINUTE, SECOND, TICK
from sim.draws import U64, WORLD_IDS, Kind, Paper, Purpose, keyed, lognormal, mix, paper, threshold, uniform
from sim.events import DOCUMENT_TYPE, INTERFACE, SOURCE, STATUS
from sim.faults.record import BUSINESS_RULE, TIMING_DELAY
from sim.flows.manual import Manual
from sim.flows.mending import Mending, Outcome
from sim.ledger import Cells
from sim.region import Region
from sim.systems.pos import Tills

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

#: When changes are sent, when every till must have them, and when auditors go round. Assumptions.
_SENT, _DUE, _AUDITED = 2 * HOUR, 6 * HOUR, 10 * HOUR
#: Share of failed pushes that are applied by a wrong rule. Assumption.
_WRONG_RULE_SHARE = 0.2
#: What a wrong rule makes of a price, over the right one. Assumptions.
_WRONG_RULES = np.array([0.85, 0.9, 1.1, 1.15])
#: Share of overcharged lines about which a customer complains. Assumption.
_COMPLAINT_RATE = 0.01
#: Days between the price audits of a shop, and items looked at in each. Assumptions.
_AUDIT_DAYS, _AUDIT_ITEMS = 7, 40
#: From a finding until pricing looks into it. Assumption.
_NOTED = 20 * HOUR
#: Days over which a wrong price costs. Assumption.
_WINDOW_DAYS = 3.0


@dataclass(frozen=True)
class _Failed:
    """Pushes that failed; arrays of shape (n,), one row a cell.

    Attributes:
        cell: of the till.
        fault_id: of the fault.
        arrives: when the price comes after all; -1 for never.
        asked: what the till asks until then, cents.
    """

    cell: I64
    fault_id: I64
    arrives: I64
    asked: I32


class Pricing:
    """Price changes and promotions of a region, and what its tills make of them.

    Args:
        region: the region.
        tills: their price books.
        mending: takes the remedies.
        manual: whoever finds what customers and audits show.
    """

    def __init__(self, region: Region, tills: Tills, mending: Mending, manual: Manual) -> None:
        self._room, self._tills, self._manual = region.room, tills, manual
        room = self._room
        self._version = np.ones(room.items, np.int64)
        self._arrivals: dict[int, list[tuple[int, int]]] = {}
        self._unopened: list[I64] = []
        self._open: dict[int, int] = {}
        self._unseen = np.zeros(room.ledger.cells, np.bool_)
        self._in_work: set[int] = set()
        mending.remedies["push_price"] = self._push_price
        mending.remedies["refund"] = self._refund
        self._open_books()

    # -- the run's opening -----------------------------------------------------------------------------

    def _open_books(self) -> None:
        """List and tills as the changes before the run have left them."""
        room, tills = self._room, self._tills
        last = tills.list.open_at(room.calendar.start)
        item = last.item
        tills.ask(np.arange(room.ledger.cells), np.tile(tills.list.price, room.locations))
        room.catalogue.price[:] = tills.list.price / 100.0
        cells = (np.arange(1, room.locations)[:, None] * room.items + item).ravel().astype(np.int64)
        day, before = np.tile(last.day, room.stores), np.tile(last.before, room.stores)
        failed = self._fail(cells, day, before, room.calendar.start)
        waiting = np.flatnonzero((failed.arrives < 0) | (failed.arrives > room.calendar.start))
        self._mismatch(failed, waiting, room.calendar.start)
        self._due(room.calendar.start)

    def announce_running(self) -> None:
        """Promotions that began before the run."""
        start = self._room.calendar.start
        self._announce(np.flatnonzero(self._tills.list.promoted), start // DAY - 1, start, step=2)

    # -- each tick ---------------------------------------------------------------------------------------

    def tick(self, tick: int) -> None:
        """What reaches the tills at the start of a tick with this absolute number."""
        arrivals = self._arrivals.pop(tick, None)
        if arrivals is not None:
            self._right([cell for cell, fault in arrivals if self._tills.fault[cell] == fault], -1)
        hour = tick * TICK % DAY
        if hour == _SENT:
            self._send(tick * TICK // DAY)
        elif hour == _DUE:
            self._due(tick * TICK)
        elif hour == _AUDITED:
            self._audit(tick * TICK // DAY)

    def _send(self, day: int) -> None:
        """The night's changes: rows, and what the tills make of them."""
        room, tills = self._room, self._tills
        item = tills.list.move_to(day)
        promoted = np.flatnonzero(tills.list.promoted)
        self._announce(promoted[tills.list.window_of(promoted, day)[0] == day], day, day * DAY + _SENT)
        if not len(item):
            return
        room.catalogue.price[item] = tills.list.price[item] / 100.0
        self._show(item, day)
        cells = (np.arange(1, room.locations)[:, None] * room.items + item).ravel().astype(np.int64)
        old = tills.price[cells]
        # A newer change overtakes what was wrong.
        for cell in cells[tills.fault[cells] >= 0].tolist():
            self._clear(cell, -1)
        tills.ask(cells, np.tile(tills.list.price[item], room.stores))
        failed = self._fail(cells, np.full(len(cells), day), old, day * DAY + _SENT)
        self._mismatch(failed, np.arange(len(failed.cell)), day * DAY + _SENT)

    def _show(self, item: I32, day: int) -> None:
        """One row a change, whatever the number of shops."""
        room, tills, n = self._room, self._tills, len(item)
        self._version[item] += 1
        sent = day * DAY + _SENT
        at = sent + np.arange(n) * (SECOND // 20)
        body = paper(Paper.PRICE) + ((room.day_of(sent) << 16) | item.astype(np.int64))
        kind = np.where(tills.list.promoted[item], DOCUMENT_TYPE["promotion"], DOCUMENT_TYPE["price"])
        document = room.ids.of(Kind.DOCUMENT, body, 1)
        room.stream.emit(
            "pricing", n, event_id=room.ids.of(Kind.DOCUMENT, body), occurred_at=at, recorded_at=at,
            available_at=at + MINUTE, due_at=day * DAY + _DUE, source=SOURCE["MDM"], interface=INTERFACE["mdm_pos"],
            item=item, unit_price=tills.list.price[item] / 100.0, version=self._version[item],
            document_type=kind.astype(np.int32), document_id=document, correlation_id=document,
        )

    def _announce(self, item: I64, day: int, at: int, step: int = 0) -> None:
        """Promotions and their windows: whoever reads them knows why sales rise."""
        if not len(item):
            return
        room = self._room
        first, until = (edge * DAY + _SENT for edge in self._tills.list.window_of(item, day))
        for row in range(len(item)):
            room.truth.decoy("promotion_spike", (int(item[row]), int(first[row] // DAY)), int(first[row]),
                             int(until[row]), item=int(item[row]))
        body = paper(Paper.PROMOTION) + ((room.day_of(at) << 16) | item)
        document = room.ids.of(Kind.DOCUMENT, body, step + 1)
        noted = np.full(len(item), at)
        room.stream.emit(
            "announcing", len(item), event_id=room.ids.of(Kind.DOCUMENT, body, step),
            occurred_at=np.minimum(first, noted),
            recorded_at=noted, available_at=noted + MINUTE, due_at=until, source=SOURCE["MDM"],
            item=item.astype(np.int32), status=STATUS["promotion"], document_type=DOCUMENT_TYPE["promotion"],
            document_id=document,
        )

    # -- what goes wrong -----------------------------------------------------------------------------------

    def _fail(self, cells: I64, day: I64, old: I32, now: int) -> _Failed:
        """Which pushes fail, and how.

        Args:
            cells: of the tills that a price is pushed to.
            day: of each push, days since 1970.
            old: what each till asked before, cents.
            now: when the fault strikes.
        """
        room, tills = self._room, self._tills
        bits = keyed(room.seed, Purpose.PUSH, room.region, cells, day)
        hit = np.flatnonzero(bits < room.plan.below("price_mismatch"))
        cell, sent, more = cells[hit], day[hit], mix(bits[hit])
        ids = room.truth.fault_ids("price_mismatch", cell, sent)
        right = tills.list_price(cell)
        is_wrong = uniform(more) < _WRONG_RULE_SHARE
        rule = _WRONG_RULES[(more & np.uint64(3)).astype(np.intp)]
        asked = np.where(is_wrong, np.maximum(1, np.rint(right * rule)), old[hit]).astype(np.int32)
        spec = room.plan.of("price_mismatch")
        hours = lognormal(mix(more), spec.hours, spec.sigma)
        arrives = np.where(is_wrong, -1, sent * DAY + _DUE + (hours * HOUR).astype(np.int64))
        location, item = room.split(cell)
        acts = (asked != right) & room.plan.strikes_many("price_mismatch", ids, now, location, item)
        return _Failed(cell[acts], ids[acts], arrives[acts], asked[acts])

    def _mismatch(self, failed: _Failed, rows: npt.NDArray[np.intp], now: int) -> None:
        """Tills that ask something else than the list, from now on."""
        room, tills = self._room, self._tills
        cells = failed.cell[rows]
        tills.ask(cells, failed.asked[rows])
        off = np.abs(failed.asked[rows] - tills.list_price(cells)) / 100.0
        location, item = room.split(cells)
        arrives = failed.arrives[rows]
        first = room.truth.standing(
            "price_mismatch", failed.fault_id[rows], now, location=location, item=item,
            interface=INTERFACE["mdm_pos"], magnitude=off,
            causes=np.where(arrives < 0, BUSINESS_RULE, TIMING_DELAY).tolist(),
        )
        tills.fault[cells] = np.arange(first, first + len(cells))
        self._unopened.append(cells)
        late = np.flatnonzero(arrives >= 0)
        for row, tick in zip(late.tolist(), (-(-arrives[late] // TICK)).tolist(), strict=True):
            self._arrivals.setdefault(tick, []).append((int(cells[row]), first + row))

    def _due(self, now: int) -> None:
        """The night's pushes are due: whatever till is still wrong is an exception."""
        room, tills = self._room, self._tills
        if not self._unopened:
            return
        cells = np.concatenate(self._unopened)
        self._unopened.clear()
        cells = cells[tills.fault[cells] >= 0]
        off = np.abs(tills.price[cells] - tills.list_price(cells)) / 100.0
        location, item = room.split(cells)
        first = room.truth.open_cells(
            "price_mismatch", tills.fault[cells].tolist(), now, location=location.tolist(), item=item.tolist(),
            loss_at_stake=(off * room.economy.rate[cells] * _WINDOW_DAYS).tolist(),
        )
        self._open.update(zip(cells.tolist(), range(first, first + len(cells)), strict=True))
        self._unseen[cells] = True

    def sold(self, cells: Cells, units: I32, asked: I32, event: I64, shown_at: I64, bits: U64) -> None:
        """Till lines that were rung up at another price than the list's; arrays of shape (n,).

        Args:
            cells: of the lines, as scanned.
            units: of the lines.
            asked: what the till asked, cents.
            event: ids of their rows.
            shown_at: when those are available.
            bits: spare bits of the lines.
        """
        room, tills = self._room, self._tills
        given_away = (tills.list_price(cells) - asked) * units
        room.figures["price_leakage"] += float(given_away[given_away > 0].sum()) / 100.0
        np.subtract.at(tills.owed, cells, np.minimum(given_away, 0))
        room.truth.lineage_of(event, tills.fault[cells])
        for row in np.flatnonzero(self._unseen[cells]).tolist():
            room.truth.evidence(self._open[int(cells[row])], int(shown_at[row]))
        self._unseen[cells] = False
        complains = (given_away < 0) & (mix(mix(bits)) < threshold(_COMPLAINT_RATE))
        for cell in cells[complains].tolist():
            self._found(int(cell))

    # -- who finds it, and what puts it right ----------------------------------------------------------------

    def _audit(self, day: int) -> None:
        """Auditors compare some prices of a few shops with the list."""
        room, tills = self._room, self._tills
        shops = np.arange(1, room.locations)
        shops = shops[(shops + day) % _AUDIT_DAYS == 0]
        look = np.arange(_AUDIT_ITEMS * len(shops), dtype=np.int64)
        if not len(look):
            return
        location = shops[look // _AUDIT_ITEMS].astype(np.int64)
        bits = keyed(room.seed, Purpose.PUSH, room.region, 1, day, location, look % _AUDIT_ITEMS)
        cells = location * room.items + (bits % np.uint64(room.items)).astype(np.int64)
        for cell in np.unique(cells[tills.fault[cells] >= 0]).tolist():
            self._found(cell)

    def _found(self, cell: int) -> None:
        if cell in self._in_work or self._tills.fault[cell] < 0:
            return
        self._in_work.add(cell)
        location, item = divmod(cell, self._room.items)

        def mend() -> None:
            self._in_work.discard(cell)
            if self._tills.fault[cell] >= 0:
                self._right([cell], -1)
            self._give_back(cell)

        self._manual.found("price_mismatch", "pricing", _NOTED, mend, location=location, item=item)

    def _push_price(self, action: Action) -> Outcome:
        """Send the list price of an item to a till again."""
        cell = self._cell(action)
        if cell is None:
            return "it names no till", 0
        if self._tills.fault[cell] < 0:
            return "the till has the list price", 0
        self._right([cell], action.action_id)
        return "", 0

    def _refund(self, action: Action) -> Outcome:
        """Give back what a till took too much; the till itself stays as it is."""
        cell = self._cell(action)
        if cell is None:
            return "it names no till", 0
        return ("", 0) if self._give_back(cell) else ("nobody paid too much", 0)

    def _cell(self, action: Action) -> int | None:
        location, item = int(action.location), int(action.item)
        valid = 1 <= location < self._room.locations and 0 <= item < self._room.items
        return self._room.cell(location, item) if valid else None

    def _give_back(self, cell: int) -> bool:
        owed = int(self._tills.owed[cell])
        self._tills.owed[cell] = 0
        self._room.figures["price_leakage"] += owed / 100.0
        return owed > 0

    def _right(self, cells: list[int], by: int) -> None:
        """The tills of some cells ask the list price."""
        where = np.array(cells, np.int64)
        self._tills.ask(where, self._tills.list_price(where))
        for cell in cells:
            self._clear(cell, by)

    def _clear(self, cell: int, by: int) -> None:
        """What was wrong with a till is over."""
        truth, fault = self._room.truth, int(self._tills.fault[cell])
        if by >= WORLD_IDS:
            truth.lineage(by, fault)
        self._tills.fault[cell] = -1
        self._unseen[cell] = False
        self._open.pop(cell, None)
        truth.release(fault, by)
        truth.end(fault, self._room.now)
