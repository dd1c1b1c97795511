"""Item records: their daily updates, the ones sent again, and the article that gets a second number.

Each day master data updates some records and sends them to ERP; now and then one is sent twice as it is,
which harms nobody. Every record carries the number of the article itself (its GTIN, as the record's document).
Where an update is taken for a new article, an unused item number gets a record with the GTIN of an
article that has one already: from then on ERP books what the tills sell of it on the second number, until
someone merges the two. The goods, the tills, the shops' books and OMS know nothing of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.actions import Action
from sim.catalogue import numbers_of
from sim.clock import DAY, HOUR, MINUTE, SECOND, TICK
from sim.draws import WORLD_IDS, Kind, Paper, Purpose, keyed, keyed_int, paper, threshold, uniform_int
from sim.events import DOCUMENT_TYPE, INTERFACE, NO_CODE, SOURCE, STATUS
from sim.flows.manual import Manual
from sim.flows.mending import Mending, Outcome
from sim.ledger import Belief, Cells
from sim.region import Region

I64 = npt.NDArray[np.int64]

#: When updates are sent; the share of records updated on a day, and of updates that are sent twice. Assumptions.
_SENT = 3 * HOUR
_UPDATED_SHARE, _SENT_AGAIN_SHARE = 0.02, 0.05
#: How much later the second sending comes. Assumption.
_SENT_AGAIN_AFTER = 10 * MINUTE
#: Days until master data's own people notice a second number: least, and how many more at most. Assumptions.
_NOTICED_DAYS, _NOTICED_MORE_DAYS = 6, 9
#: Days over which a second number costs sales. Assumption.
_WINDOW_DAYS = 7
#: Steps of a record's key on a day: updated, sent again, made for a second number, merged, launched, retired, GTIN.
_UPDATE, _AGAIN, _SECOND, _MERGED = 0, 1, 2, 3
LAUNCHED_STEP, RETIRED_STEP = 4, 5
_GTIN = 15


@dataclass(frozen=True)
class Twin:
    """Two item numbers of one article.

    Attributes:
        article: the number that goods and tills have.
        number: the one that ERP books their sales on.
        fault: number of the fault.
    """

    article: int
    number: int
    fault: int


class Cataloguing:
    """Item records of a region.

    Args:
        region: the region.
        mending: takes the remedy.
        manual: whoever notices.
    """

    def __init__(self, region: Region, mending: Mending, manual: Manual) -> None:
        self._region, self._manual = region, manual
        room = region.room
        self._version = np.ones(room.items, np.int64)
        self._unused = np.arange(numbers_of(room.config)[1], room.items)
        self._taken: set[int] = set()
        self._twins: dict[int, Twin] = {}
        self._reading = region.channels["pos"].transformation
        self._reading.renamed.append(self._misread)
        mending.remedies["merge_item"] = self._merge_item

    # -- records -------------------------------------------------------------------------------------

    def open(self) -> None:
        """The records that everyone has from the start."""
        room = self._region.room
        item = np.flatnonzero(room.catalogue.listed)
        at = np.full(len(item), room.now)
        self._show(item, room.ids.of(Kind.CELL, (np.int64(7) << 35) | item, 1), at, at + item % 1000)

    def tell(self, item: I64, step: int, at: I64, status: str, due_at: int | None = None) -> None:
        """Records with a news of their own: an article is launched, retired or merged."""
        self._version[item] += 1
        more: dict[str, Any] = {"status": STATUS[status]} | ({} if due_at is None else {"due_at": due_at})
        self._show(item, self._event(item, step, at), at, at + MINUTE, **more)

    def _event(self, item: I64, step: int, at: I64) -> I64:
        room = self._region.room
        days = (at - room.calendar.start) // DAY
        return room.ids.of(Kind.DOCUMENT, paper(Paper.MASTER) + ((days << 16) | item), step)

    def _show(self, item: I64, event: I64, at: I64, available_at: I64, *, article: I64 | None = None,
              **more: int) -> None:
        room = self._region.room
        article = item if article is None else article
        room.stream.emit(
            "master_data", len(item), event_id=event, occurred_at=at, recorded_at=at, available_at=available_at,
            source=SOURCE["MDM"], interface=INTERFACE["mdm_erp"], item=item.astype(np.int32),
            unit_price=room.catalogue.price[item], quantity=room.catalogue.pack[item],
            document_type=DOCUMENT_TYPE["item"],
            document_id=room.ids.of(Kind.DOCUMENT, paper(Paper.MASTER) + article, _GTIN),
            version=self._version[item], **more,
        )

    # -- each day --------------------------------------------------------------------------------------

    def tick(self, tick: int) -> None:
        """The day's updates, in the tick with this absolute number in which they are sent."""
        if tick * TICK % DAY != _SENT:
            return
        room, day = self._region.room, tick * TICK // DAY
        bits = keyed(room.seed, Purpose.TWIN, room.region, day, np.arange(room.items, dtype=np.int64))
        item = np.flatnonzero((bits < threshold(_UPDATED_SHARE)) & room.catalogue.listed)
        if not len(item):
            return
        self._version[item] += 1
        at = day * DAY + _SENT + np.arange(len(item)) * (SECOND // 10)
        self._show(item, self._event(item, _UPDATE, at), at, at + MINUTE)
        more = keyed(room.seed, Purpose.TWIN, room.region, 1, day, item)
        again = more > np.uint64(int(threshold(1.0 - _SENT_AGAIN_SHARE)))
        if again.any():
            later = at[again] + _SENT_AGAIN_AFTER
            self._show(item[again], self._event(item[again], _AGAIN, later), later, later + MINUTE)
        for row in np.flatnonzero(more < room.plan.below("duplicate_item")).tolist():
            self._double(int(item[row]), int(more[row]), int(at[row]))

    # -- what goes wrong ---------------------------------------------------------------------------------

    def _double(self, article: int, bits: int, at: int) -> None:
        """An update is taken for a new article."""
        room = self._region.room
        if not len(self._unused) or self._reading.number_of(article) != NO_CODE:
            return
        number = int(self._unused[keyed_int(bits, Purpose.TWIN) % len(self._unused)])
        if number in self._taken:
            return
        self._taken.add(number)
        fault_id = room.truth.fault_id("duplicate_item", article, at // DAY)
        if not room.plan.strikes("duplicate_item", fault_id, at, item=article):
            return
        at += 30 * SECOND
        fault = room.truth.fault("duplicate_item", fault_id, at, item=number, interface=INTERFACE["mdm_erp"],
                                 acting=True)
        room.truth.hold(fault)
        for kind in ("cost", "price", "pack"):
            column = getattr(room.catalogue, kind)
            column[number] = column[article]
        one, row = np.array([number]), np.array([at])
        event = self._event(one, _SECOND, row)
        self._show(one, event, row, row + MINUTE, article=np.array([article]))
        room.truth.lineage(event, fault)
        wanted = float(room.economy.rate[article :: room.items].sum())
        room.truth.open_exception("duplicate_item", (fault_id,), "duplicate_item", [fault], at, item=number,
                                  first_evidence_at=at + MINUTE,
                                  loss_at_stake=wanted * room.unit_margin(article) * _WINDOW_DAYS)
        twin = Twin(article, number, fault)
        self._twins[number] = twin
        self._reading.rename(article, number)
        days = _NOTICED_DAYS + uniform_int(keyed_int(bits, Purpose.TWIN, 1)) * _NOTICED_MORE_DAYS
        room.at(at + round(days * DAY), lambda: self._notice(twin))

    def _misread(self, right: Cells, wrong: Cells, on_hand: npt.NDArray[np.int32]) -> None:
        """Till lines of an article with two numbers, which ERP books on the second one's cells."""
        room = self._region.room
        columns = (right, wrong, on_hand)
        for true_cell, cell, units in zip(*(column.tolist() for column in columns), strict=True):
            fault = self._twins[cell % room.items].fault
            room.ledger.drop(Belief.ERP_ON_HAND, true_cell, units, fault, room.now)
            room.ledger.distort(Belief.ERP_ON_HAND, cell, 0, units, fault, room.now)
        room.rules.touch(np.concatenate([right, wrong]))

    # -- what puts it right ------------------------------------------------------------------------------

    def _notice(self, twin: Twin) -> None:
        if twin.number in self._twins:
            self._manual.found("duplicate_item", "master_data", 4 * HOUR, lambda: self._merge(twin.number, -1),
                               item=twin.number)

    def _merge_item(self, action: Action) -> Outcome:
        """Merge a second item number into the article's, whichever of the two is named."""
        item = int(action.item)
        if not 0 <= item < self._region.room.items:
            return "it names no item", 0
        number = item if item in self._twins else self._reading.number_of(item)
        if number == NO_CODE:
            return "the article has one number", 0
        return "", self._merge(number, action.action_id)

    def _merge(self, number: int, by: int) -> int:
        """Retire the second number and book over what went astray; returns the units booked over."""
        room, ledger = self._region.room, self._region.room.ledger
        twin = self._twins.pop(number, None)
        if twin is None:
            return 0
        self._reading.rename(twin.article, NO_CODE)
        if by >= WORLD_IDS:
            room.truth.lineage(by, twin.fault)
        act = by if by >= 0 else keyed_int(room.seed, Purpose.IDS, 5001, room.region, room.now, number) >> 13
        owner, moved = room.truth.repair_fault(act, room.now, NO_CODE, number), 0
        entries = ledger.entries
        mine = np.flatnonzero((np.asarray(entries.fault) == twin.fault) & (np.asarray(entries.rest) != 0))
        for entry in mine.tolist():
            belief, cell, units = Belief(entries.belief[entry]), int(entries.cell[entry]), -int(entries.rest[entry])
            ledger.repair(belief, cell, units, room.now, act, owner, twin.fault)
            ledger.post(belief, np.array([cell]), np.array([units], np.int32))
            moved += max(units, 0)
        if len(mine):
            room.rules.touch(np.unique(np.asarray(entries.cell)[mine]))
        room.truth.release(twin.fault, by)
        room.truth.end(twin.fault, room.now)
        row = np.array([room.now])
        self._version[number] += 1
        self._show(np.array([number]), self._event(np.array([number]), _MERGED, row), row, row + MINUTE,
                   status=STATUS["retired"], article=np.array([twin.article]))
        return moved
