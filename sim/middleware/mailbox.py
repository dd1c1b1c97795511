"""Mailboxes: what suppliers send, by EDI or by hand through the portal, waits in one until it is read.

A document is put into the box of its interface whole, and read at once where nothing is in the way. Else it waits
like any other flight (:mod:`sim.middleware.carrier`): an outage or maintenance keeps it, and a broken mapping makes
it a dead letter. Nobody but the sender knows what a box holds, so a truck may come before its ASN.

- What comes by EDI is answered with a functional acknowledgement (997): accepted when it was read, rejected when it
  could not be. The portal tells its user at once, and sends none.
- A box is probed every hour, so that an outage shows on an interface that nobody used meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.clock import SECOND, TICK
from sim.draws import Kind, Purpose, keyed_int
from sim.events import CODE, INTERFACE, SOURCE, STATUS
from sim.ledger import Cells
from sim.middleware.carrier import Carrier
from sim.middleware.flights import ACCEPTED, BOOKING, REJECTED, TRAFFIC, Flight, channel_key
from sim.middleware.messages import Messages
from sim.room import Room

I64 = npt.NDArray[np.int64]
Whole = npt.NDArray[np.integer]

#: What the EDI gateway needs until its acknowledgement shows. Assumption.
_SHOWN = 30 * SECOND


@dataclass(eq=False, kw_only=True)
class Letter(Flight):
    """One document of a supplier.

    Attributes:
        supplier: its number.
        put_at: when it was put into the box.
        read: what becomes of it.
        is_rejected: its sender was told that it could not be read.
    """

    supplier: int
    put_at: int
    read: Callable[[Letter], None]
    is_rejected: bool = False

    @property
    def awaited(self) -> Cells:
        """No book is wrong for want of it: the goods it is about are on no dock yet."""
        return np.zeros(0, np.int32)


class Mailbox(Carrier):
    """The box of one interface.

    Args:
        room: the region.
        interface: its code.
        acknowledges: whether a 997 answers each document.
    """

    def __init__(self, room: Room, interface: int, *, acknowledges: bool) -> None:
        super().__init__(room, interface, by_document=True)
        self.monitor.is_probed = True
        self._acknowledges = acknowledges
        self._next = 0

    def put(self, *, supplier: int, document_type: int, code: int, document_id: int, key: I64, item: Whole,
            units: Whole, read: Callable[[Letter], None]) -> Letter:
        """Take over a document that a supplier sends now.

        Args:
            supplier: its number.
            document_type: code of the stream.
            code: of the paper, as in the stream.
            document_id: of the document.
            key: that draws what happens to it, by line; shape (lines,).
            item: by line.
            units: by line.
            read: called with the letter when it is read.
        """
        room, n = self.room, len(item)
        letter = Letter(
            Messages(
                location=np.zeros(n, np.int32), cell=item.astype(np.int32), on_hand=units.astype(np.int32), key=key,
                sent_at=np.full(n, room.now), document_id=np.full(n, document_id), document_type=document_type,
                code=code, document_grain=True, sequence=self._next + np.arange(n),
            ),
            supplier=supplier, put_at=room.now, read=read,
        )
        self._next += n
        if self.door.is_open(room.now) and not self.contract.is_broken:
            self._read(letter)
        else:
            self.pend(letter, room.now)
        return letter

    def post_due(self, tick: int) -> None:
        """Let in what is due in a tick (called at its end); it is read at some moment of the next."""
        for letter in self.admit(tick):
            assert isinstance(letter, Letter)
            moment = keyed_int(self.room.seed, Purpose.ARRIVAL, int(letter.messages.key[0]), letter.attempt) % TICK
            self.room.at(self.room.now + moment, lambda letter=letter: self._read(letter))  # type: ignore[misc]
        for flight in self.dead.flights if self.contract.is_broken else ():
            assert isinstance(flight, Letter)
            # One that an outage kept out until it was given up was never read.
            if not flight.is_rejected and flight.turned_away_by == self.contract.fault:
                flight.is_rejected = True
                self._acknowledge(flight, "rejected", REJECTED)

    def _read(self, letter: Letter) -> None:
        """The document is understood: it goes to whom it is for."""
        messages = letter.messages
        assert messages.sequence is not None
        self.monitor.sent(messages.location[:1].astype(np.int64), np.array([self.room.now - letter.put_at + BOOKING]),
                          np.array([len(messages)]))
        self.monitor.delivered(messages.location, messages.sequence)
        self._acknowledge(letter, "accepted", ACCEPTED)
        self._settle(letter)
        letter.read(letter)

    def _acknowledge(self, letter: Letter, status: str, step: int) -> None:
        """Tell the sender what became of its document (997)."""
        if not self._acknowledges:
            return
        room, messages = self.room, letter.messages
        assert messages.sequence is not None
        at = np.array([room.now])
        event = room.ids.one(Kind.CHANNEL, channel_key(self.interface, 0, int(messages.sequence[0])), step)
        for ticket in letter.tickets:
            room.truth.lineage(event, room.rules.fault_of(ticket))
        room.stream.emit(
            "acknowledging", 1, event_id=np.array([event]), occurred_at=at, recorded_at=at, available_at=at + _SHOWN,
            source=SOURCE["EDI"], interface=INTERFACE["edi_out"], location=0,
            partner=room.locations + letter.supplier, code=CODE["997"], status=STATUS[status],
            document_type=messages.document_type, document_id=int(messages.document_id[0]),
        )

    def report_hour(self, now: int) -> None:
        """At the end of an hour: what was read, or that nothing was, and whether the box answers."""
        outage, room = self.door.outage, self.room
        if outage is not None:
            event = room.ids.one(Kind.CHANNEL, channel_key(self.interface, 0, room.tick_of(now)), TRAFFIC)
            room.truth.lineage(event, outage.fault)
            room.truth.evidence(outage.exception, now + BOOKING)
        super().report_hour(now)
