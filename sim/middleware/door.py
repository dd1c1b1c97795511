"""Whether an interface lets anything through, and what it says when it does not.

A door is open, down (503), throttled (429: it refuses a share of what knocks), or shut for announced
maintenance. A stop that no one announced is a fault, and each refusal by it is a row; one that was
announced is not, and what comes meanwhile simply waits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.clock import SECOND
from sim.draws import Kind, Purpose, keyed_int, threshold
from sim.events import CODE, NO_CODE, SOURCE, STATUS
from sim.middleware.flights import BOOKING, RECOVERED, RETRYING, channel_key
from sim.room import Room

#: Packing of what a refusal's key tells: client | code.
_CLIENT_SHIFT = 6


@dataclass
class Outage:
    """An interface that answers nothing, or not everyone.

    Attributes:
        fault, exception: their numbers.
        until: when it ends.
        share: of the calls that are refused; below 1 the interface throttles.
    """

    fault: int
    exception: int
    until: int
    share: float = 1.0

    @property
    def code(self) -> str:
        """What a caller is told."""
        return "503" if self.share >= 1.0 else "429"


class Door:
    """The door of one interface.

    Args:
        room: the region.
        interface: its code.
        source: the system that answers for it.

    Attributes:
        outage: what keeps it from answering, or None.
    """

    def __init__(self, room: Room, interface: int, source: str = "MIDDLEWARE") -> None:
        self.room, self.interface, self._source = room, interface, SOURCE[source]
        self.outage: Outage | None = None
        self.shut_from = self.shut_until = 0

    def fail_from_now(self, outage: Outage) -> None:
        """The interface goes down, or starts to throttle."""
        self.outage = outage

    def recover(self) -> None:
        """The interface answers again; what waits comes in as its retries find it up."""
        outage, room = self.outage, self.room
        if outage is None:
            return
        self.outage = None
        room.truth.end(outage.fault, room.now)
        at = np.array([room.now])
        event = room.ids.one(Kind.CHANNEL, channel_key(self.interface, 0, room.tick_of(room.now)), RECOVERED)
        room.stream.emit(
            "recovered", 1, event_id=np.array([event]), occurred_at=at, recorded_at=at, available_at=at + BOOKING,
            source=self._source, interface=self.interface, status=STATUS["ok"],
        )

    def shut(self, since: int, until: int) -> None:
        """Maintenance: nothing passes in this window."""
        self.shut_from, self.shut_until = since, until

    def is_shut(self, time: int) -> bool:
        """Whether maintenance keeps it shut at ``time``."""
        return self.shut_from <= time < self.shut_until

    def is_open(self, time: int) -> bool:
        """Whether everything passes at ``time``."""
        return self.outage is None and not self.is_shut(time)

    def refuses(self, *key: int) -> bool:
        """Whether the one with this key is turned away by an outage."""
        if self.outage is None:
            return False
        bits = keyed_int(self.room.seed, Purpose.OUTAGE, self.room.region, self.interface, 1, *key)
        return self.outage.share >= 1.0 or bits < int(threshold(self.outage.share))

    def tell(self, code: str, status: str, attempt: int, count: int, client: int = NO_CODE) -> None:
        """Show that ``count`` messages or calls of the tick that ends now were turned away: of all, or of a client."""
        room, outage = self.room, self.outage
        at = room.now - 1 - SECOND
        key = channel_key(self.interface, CODE[code] + (client + 1 << _CLIENT_SHIFT), room.tick_of(at))
        event = room.ids.one(Kind.CHANNEL, key, RETRYING)
        if outage is not None and code == outage.code:
            room.truth.lineage(event, outage.fault)
            room.truth.evidence(outage.exception, at + SECOND)
        row = np.array([at])
        room.stream.emit(
            "retrying", 1, event_id=np.array([event]), occurred_at=row, recorded_at=row, available_at=row + SECOND,
            source=self._source, interface=self.interface, code=CODE[code], status=STATUS[status], attempt=attempt,
            count=count, partner=NO_CODE if client < 0 else room.vocabulary.client(client),
        )
