"""Messages: what each site sent to ERP, and whether ERP has booked it.

A receiving, shipping, adjusting or inspecting row names the interface and the sequence number under
which it went out and the time by which ERP must have posted it. A posting row answers with the same
number, and its correlation id names the document; its own number is ERP's. From this follow, line by line and
without looking back: *overdue* (due and not posted), *doubled* (posted twice), *mismatched* (posted with another
quantity) and *settled* (posted at last). A posting that lost its envelope names no line: see
:mod:`detection.views.strays` for what can be made of it.

Lines wait in buckets by the tick in which they fall due, so that a step touches what is due in it
and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from detection.views.columns import BoolArray, IntArray, integers
from detection.views.journal import Journal, RowLog
from detection.views.strays import Strays, look_of
from sim.clock import DAY, HOUR, MINUTE, TICK
from sim.events import CODE, CODES, EVENT_TYPE, INTERFACE, NO_CODE, NULL, Block

#: Days after which a line that never posted is forgotten by the view (its case lives on).
FORGET_DAYS = 21
_TILL_BLOCKS = 64
_DOCUMENT_BLOCKS = 400
_TILL_INTERFACES = frozenset({INTERFACE["pos_erp"], INTERFACE["pos_oms"]})
MessageKey = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class MessageLine:
    """One line on its way to ERP.

    Attributes:
        interface, location, sequence: its key.
        document_id: of the source; a posting knows it by its correlation id.
        item, quantity, event_id: of the source row (of the posting row for a double).
        due_at: when ERP must have posted it.
        code: its movement code; see :meth:`change`.
        sent_at: when the source row happened.
        source: event type (code) of the source row.
        posted_quantity: units booked, for a mismatch.
    """

    interface: int
    location: int
    sequence: int
    document_id: int
    item: int
    quantity: int
    event_id: int
    due_at: int = NULL
    code: int = NO_CODE
    sent_at: int = NULL
    source: int = NO_CODE
    posted_quantity: int = 0

    @property
    def key(self) -> MessageKey:
        """Interface, location, sequence."""
        return (self.interface, self.location, self.sequence)

    @property
    def change(self) -> int:
        """Signed units by which it changes ERP's on-hand book."""
        return int(_SIGN[self.code]) * abs(self.quantity)

    @property
    def travels_by_document(self) -> bool:
        """Whether its document is posted whole."""
        return self.code in _DOCUMENT_CODES


@dataclass(frozen=True)
class _Waiting:
    """Lines of one block that fall due in one tick."""

    block: Block
    rows: IntArray
    ring: IntArray
    sequence: IntArray


class Messages:
    """Expected and seen postings.

    Attributes:
        overdue, doubled, mismatched, settled: what this step brought.
        open: every overdue line that has not been posted, by key.
    """

    def __init__(self, locations: int, items: int, service_hours: float, grace_minutes: float) -> None:
        self._journal = Journal(locations, items)
        self._tills = RowLog(_TILL_BLOCKS)
        self._documents = RowLog(_DOCUMENT_BLOCKS)
        self._service = int(service_hours * HOUR)
        self._grace = int(grace_minutes * MINUTE)
        self._due: dict[int, list[_Waiting]] = {}
        self._slot = NULL
        self._strays = Strays()
        self.open: dict[MessageKey, MessageLine] = {}
        self.overdue: list[MessageLine] = []
        self.doubled: list[MessageLine] = []
        self.mismatched: list[MessageLine] = []
        self.settled: list[MessageLine] = []

    def begin(self) -> None:
        """Clear the last step's news."""
        self.overdue, self.doubled, self.mismatched, self.settled = [], [], [], []
        self._strays.begin()

    def sell(self, block: Block) -> None:
        """Remember till lines by number."""
        first = self._tills.append(block)
        self._journal.write_tills(integers(block, "location"), integers(block, "sequence"), first)

    def send(self, now: int, block: Block) -> None:
        """Expect postings for the lines of a block that go out to ERP.

        Rows that name no due time for ERP (a return's is its inspection's) are due after the service level.
        """
        interface, sequence = integers(block, "interface"), integers(block, "sequence")
        sent = (interface >= 0) & (sequence >= 0)
        if not sent.all():
            block = block.take(sent)
            interface, sequence = interface[sent], sequence[sent]
        if not block.size:
            return
        due = integers(block, "due_at")
        if block.event_type == _RETURNING or due.min() < 0:
            due = np.where(due < 0, NULL, due) if block.event_type != _RETURNING else np.full(block.size, NULL)
            due = np.where(due == NULL, integers(block, "occurred_at") + self._service, due)
        first = self._documents.append(block)
        ring = self._journal.ring_of(interface, integers(block, "location"))
        self._journal.write(ring, sequence, signed_change(block), first)
        slots = np.maximum(-(-(due + self._grace) // TICK), now // TICK)
        low, high = int(slots.min()), int(slots.max())
        rows = np.arange(block.size)
        for slot in (low,) if low == high else np.unique(slots).tolist():
            chosen = rows if low == high else np.flatnonzero(slots == slot)
            self._due.setdefault(slot, []).append(_Waiting(block, chosen, ring[chosen], sequence[chosen]))

    def post(self, block: Block) -> IntArray:
        """Tick off what ERP booked; returns the signed units by which each row changed ERP's book."""
        change = signed_change(block)
        sequence = integers(block, "sequence")
        numbered = sequence >= 0
        if not numbered.all():
            # With a correlation id, ERP corrected a document itself: no message of that movement was ever sent.
            stray = ~numbered & (integers(block, "correlation_id") == NULL)
            if stray.any():
                self._strays.add(block.take(stray))
            if numbered.any():
                change[numbered] = self.post(block.take(numbered))
            return change
        ring = self._journal.ring_of(integers(block, "interface"), integers(block, "location"))
        address = self._journal.address(ring, sequence)
        known = self._journal.number[address] == sequence
        if not known.all():
            self._post_aged(block, ring, sequence)
            rows = np.flatnonzero(known)
            change[rows] = self._tick_off(block.take(rows), address[rows], change[rows])
            return change
        return self._tick_off(block, address, change)

    def _tick_off(self, block: Block, address: IntArray, change: IntArray) -> IntArray:
        """Postings of remembered lines: settled, doubled, or of another quantity."""
        journal = self._journal
        np.add.at(journal.posted, address, np.ones(block.size, dtype=np.uint8))
        sent = journal.change[address].astype(np.int64)
        # ERP names the size of a movement; which way it went is the source's to say.
        change = np.where(sent != 0, np.sign(sent) * np.abs(change), change)
        differs = (change != sent) & (sent != 0)
        if differs.any():
            rows = np.flatnonzero(differs)
            for line, units in zip(_lines(block, rows), np.abs(sent[rows]).tolist(), strict=True):
                self.mismatched.append(replace(line, quantity=units, posted_quantity=line.quantity))
        late = journal.overdue[address]
        if late.any():
            self._settle(block, np.flatnonzero(late))
            journal.overdue[address[late]] = False
        twice = journal.posted[address] > 1
        if twice.any():
            latest = {line.key: line for line in _lines(block, np.flatnonzero(twice))}
            self.doubled.extend(latest.values())
        return change

    def finish(self, now: int) -> None:
        """Find the lines that fell due in this step and are not posted."""
        if self._strays.came and self.open:
            self._answer_late()
        slot = now // TICK
        for due in range(slot if self._slot == NULL else self._slot + 1, slot + 1):
            for waiting in self._due.pop(due, ()):
                self._check(waiting)
        self._slot = slot

    def end_day(self, now: int) -> None:
        """Forget what is too old to matter."""
        self._journal.end_day()
        self._strays.end_day(now)
        horizon = now - FORGET_DAYS * DAY
        self.open = {key: line for key, line in self.open.items() if line.due_at > horizon}

    def source_of(self, interface: int, location: int, sequence: int) -> MessageLine | None:
        """The source row of one message, if it was sent lately and seen."""
        log = self._tills if interface in _TILL_INTERFACES else self._documents
        found = self._journal.lookup(log, interface, location, sequence)
        if found is None:
            return None
        return _line_at(*found)

    def is_one_of_many(self, interface: int, location: int, sequence: int) -> bool:
        """Whether a line was sent in one batch with its neighbours.

        What is sent together travels together, so a single line missing from a batch is lost, while a
        batch that is missing whole may only be late.
        """
        line = self.source_of(interface, location, sequence)
        if line is None:
            return False
        for neighbour in (sequence - 1, sequence + 1):
            other = self.source_of(interface, location, neighbour) if neighbour >= 0 else None
            if other is not None and other.source == line.source and _share_batch(line, other):
                return True
        return False

    def is_posted_journal(self, interface: int) -> bool:
        """Whether ERP answers this interface's lines one by one."""
        return interface in _POSTED_INTERFACES

    def _check(self, waiting: _Waiting) -> None:
        address = self._journal.address(waiting.ring, waiting.sequence)
        missing = np.flatnonzero(self._journal.posted[address] == 0)
        if len(missing) and len(self._strays):
            missing = missing[~self._answer(waiting, address, missing)]
        if not len(missing):
            return
        self._journal.overdue[address[missing]] = True
        lines = _lines(waiting.block, waiting.rows[missing])
        self.overdue.extend(lines)
        self.open.update({line.key: line for line in lines})

    def _answer(self, waiting: _Waiting, address: IntArray, missing: IntArray) -> BoolArray:
        """Which of the missing lines of a block strays answer."""
        rows = waiting.rows[missing]
        names = ("location", "item", "code", "quantity")
        look = look_of(*(integers(waiting.block, name)[rows] for name in names))
        answered = self._strays.claim(look, integers(waiting.block, "occurred_at")[rows])
        self._journal.posted[address[missing[answered]]] = 1
        return answered

    def _answer_late(self) -> None:
        """Overdue lines that a stray of this step answers at last."""
        lines = list(self.open.values())
        names = ("location", "item", "code", "quantity")
        look = look_of(*(np.array([getattr(line, name) for line in lines]) for name in names))
        answered = self._strays.claim(look, np.array([line.sent_at for line in lines]))
        for row in np.flatnonzero(answered).tolist():
            line = lines[row]
            self.settled.append(self.open.pop(line.key))
            ring = self._journal.ring_of(np.array([line.interface]), np.array([line.location]))
            address = self._journal.address(ring, np.array([line.sequence]))
            if self._journal.number[address[0]] == line.sequence:
                self._journal.posted[address] = 1
                self._journal.overdue[address] = False

    def _settle(self, block: Block, rows: IntArray) -> None:
        for line in _lines(block, rows):
            known = self.open.pop(line.key, None)
            if known is not None:
                self.settled.append(known)

    def _post_aged(self, block: Block, ring: IntArray, sequence: IntArray) -> None:
        """Postings of numbers that the rings no longer hold: few, and of use only where a line is still open."""
        if self.open:
            self._settle(block, np.flatnonzero(self._journal.is_aged(ring, sequence)))


_POSTED_INTERFACES = frozenset({INTERFACE["wms_erp"], INTERFACE["store_erp"]})
#: How a movement changes the on-hand book; what moves in or out of the returns cage (551, 651, 657, 122) does not.
_SIGN_BY_CODE = {"101": 1, "102": -1, "303": -1, "305": 1, "601": -1, "653": 1, "701": 1, "702": -1}
_SIGN = np.array([_SIGN_BY_CODE.get(code, 0) for code in CODES] + [0], dtype=np.int64)
#: Movements whose documents are posted whole.
_DOCUMENT_CODES = frozenset({CODE["101"], CODE["303"], CODE["305"]})
_RETURNING = EVENT_TYPE["returning"]
_ADJUSTING = EVENT_TYPE["adjusting"]
_BY_TICK = frozenset({EVENT_TYPE["retail_selling"], _RETURNING})
#: Longest spread of one round's lines.
_ROUND = 30 * MINUTE
_POSTING = EVENT_TYPE["posting"]
#: Columns of a line in the order of its attributes, with what stands for null.
_FIELDS = (
    ("interface", NO_CODE), ("location", NO_CODE), ("sequence", NULL), ("document_id", NULL), ("item", NO_CODE),
    ("quantity", NULL), ("event_id", NULL), ("due_at", NULL), ("code", NO_CODE), ("occurred_at", NULL),
)  # fmt: skip


def signed_change(block: Block) -> IntArray:
    """Signed units by which each row changes ERP's on-hand book, by its movement code."""
    change: IntArray = _SIGN[integers(block, "code")] * np.abs(integers(block, "quantity"))
    return change


def _share_batch(one: MessageLine, other: MessageLine) -> bool:
    """Whether two neighbouring lines went out together.

    Goods documents travel whole; tills and returns by the tick; orders and inspections by the round
    that made them.
    """
    if one.code in _DOCUMENT_CODES:
        return one.document_id == other.document_id
    if one.source in _BY_TICK:
        return one.sent_at // TICK == other.sent_at // TICK
    if one.code != other.code:
        return False
    # Adjustments are booked one approval at a time: two in a row prove no batch.
    return one.source != _ADJUSTING and abs(one.sent_at - other.sent_at) <= _ROUND


def _lines(block: Block, rows: IntArray) -> list[MessageLine]:
    """The chosen rows of a block as lines; for the few, never for the many."""
    return [_line_at(block, row) for row in rows.tolist()]


def _line_at(block: Block, row: int) -> MessageLine:
    """One row of a block as a line."""
    values = []
    is_posting = block.event_type == _POSTING
    for name, null in _FIELDS:
        value = block.columns.get("correlation_id" if is_posting and name == "document_id" else name, null)
        values.append(int(value[row]) if isinstance(value, np.ndarray) else int(value))
    values.append(NO_CODE if is_posting else block.event_type)
    return MessageLine(*values)
