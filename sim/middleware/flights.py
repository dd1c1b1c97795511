"""What travels on an interface, and what was noted of lines that got lost or came twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import overload

import numpy as np
import numpy.typing as npt

from sim.clock import SECOND
from sim.ledger import Cells
from sim.middleware.messages import Messages

I64 = npt.NDArray[np.int64]
#: Location and sequence number: where a line stands in its source's journal.
Address = tuple[int, int]

#: What the consumer needs until its book shows a message, and the stream its row. Assumption.
BOOKING = 20 * SECOND


#: What an event id of :attr:`sim.draws.Kind.CHANNEL` tells of an interface; the step of its key.
TRAFFIC, RECOVERED, RETRYING, GAP_CLOSED, GAP_OPEN, DEAD, ACCEPTED, REJECTED = range(8)


@overload
def channel_key(interface: int, location: int, number: int) -> int: ...
@overload
def channel_key(interface: I64 | int, location: I64, number: I64 | int, flag: I64 | int = 0) -> I64: ...
def channel_key(interface: I64 | int, location: I64 | int, number: I64 | int, flag: I64 | int = 0) -> I64 | int:
    """The body of such an id: interface (4 bits) | location (9) | sequence number or tick (24) | flag (1)."""
    return (interface << 34) | (location << 25) | ((number & 0xFFFFFF) << 1) | flag


def address_of(line: Messages) -> Address:
    """Where the first line of a batch stands."""
    assert line.sequence is not None
    return int(line.location[0]), int(line.sequence[0])


@dataclass(eq=False)
class Flight:
    """Messages that travel together.

    Attributes:
        attempt: deliveries that failed so far.
        tickets: what the rules hold up because of a fault, let go on arrival.
        gap: (location, first sequence) of the gap it fills, or None.
        by: action that sent or hastened it, or -1.
        fault: of a repair under way, released on arrival; -1 for none.
        second: it repeats what had arrived.
        due: when each line arrives, shape (n,); None for "when the flight does".
        is_urgent: it was expedited, and goes ahead of what ERP has yet to book.
        turned_away_by: the fault that last kept it out (an outage, a mapping that broke); -1 for none.
    """

    messages: Messages
    attempt: int = 0
    tickets: list[int] = field(default_factory=list)
    gap: Address | None = None
    by: int = -1
    fault: int = -1
    second: bool = False
    due: I64 | None = None
    is_urgent: bool = False
    turned_away_by: int = -1

    @property
    def awaited(self) -> Cells:
        """The cells whose books are wrong while it is under way."""
        return self.messages.cell


@dataclass(frozen=True)
class Trouble:
    """A line that was lost or applied twice."""

    line: Messages
    fault: int
    exception: int


class Register(dict[Address, Trouble]):
    """Troubles by (location, sequence), and by fault."""

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[int, Address] = {}

    def __setitem__(self, place: Address, trouble: Trouble) -> None:
        super().__setitem__(place, trouble)
        self._places[trouble.fault] = place

    def place_of(self, fault: int) -> Address | None:
        """Where the trouble of a fault stands, or None where it is no longer open."""
        place = self._places.get(fault)
        return place if place in self else None
