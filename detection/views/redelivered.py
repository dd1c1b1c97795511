"""Numbers that came twice: is a second delivery only seen, or was it applied?

A sequence number seen twice proves little: whoever keeps a list of what was applied ignores the second.
Where ERP answers line by line, a second posting row is the proof, and the messages view has it. Of till
lines and of what goes to the OMS the counts must speak: more lines delivered in all than numbers were used.
Where they cannot (telemetry is lost, or several numbers came twice) the books do: ERP's nightly extract
against the estimate, or the nightly comparison with the site's book. A book that is off by just that line
was told twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from detection.views.channels import Signal
from detection.views.messages import MessageLine
from sim.clock import DAY
from sim.events import INTERFACES

#: Days in which a second delivery may turn out to have been applied: the nightly comparison names what stays.
_PROVEN_DAYS = 4


@dataclass(frozen=True, slots=True)
class SecondDelivery:
    """A number that came twice.

    Attributes:
        signal: the row that said so.
        line: what was sent under the number.
        seen_at: when.
    """

    signal: Signal
    line: MessageLine
    seen_at: int

    @property
    def book(self) -> str:
        """The book that it may have put wrong."""
        return INTERFACES[self.signal.interface].split("_")[1].upper()

    @property
    def excess(self) -> int:
        """Units by which that book is then off."""
        return self.line.change


class Redelivered:
    """Second deliveries of which nobody knows yet whether they were applied.

    Attributes:
        waiting: by (interface, location, sequence).
        applied: those that proved to be in this step.
    """

    def __init__(self, items: int) -> None:
        self._items = items
        self.waiting: dict[tuple[int, int, int], SecondDelivery] = {}
        self.begin()

    def begin(self) -> None:
        """Clear the last step's news."""
        self.applied: list[SecondDelivery] = []

    def wait(self, second: SecondDelivery) -> None:
        """A number came twice, and its line is known."""
        signal = second.signal
        self.waiting[signal.interface, signal.location, signal.sequence] = second

    def cells(self, book: str) -> list[int]:
        """The cells whose book would tell."""
        found = [self._cell(second) for second in self.waiting.values() if second.book == book]
        return list(dict.fromkeys(found))

    def count(self, interface: int, location: int, lines: int) -> None:
        """So many lines were delivered beyond what the numbers of a place explain."""
        keys = [key for key in self.waiting if key[:2] == (interface, location)]
        if len(keys) <= lines:
            self.applied.extend(self.waiting.pop(key) for key in keys)

    def compare(self, book: str, differences: dict[int, int]) -> None:
        """Units by which some cells' book exceeds what it should be."""
        for key, second in list(self.waiting.items()):
            cell = self._cell(second)
            if second.book == book and second.excess and differences.get(cell, 0) == second.excess:
                del self.waiting[key]
                differences[cell] -= second.excess
                self.applied.append(second)

    def end_day(self, now: int) -> None:
        """What has changed no book by now was recognised."""
        horizon = now - _PROVEN_DAYS * DAY
        self.waiting = {key: second for key, second in self.waiting.items() if second.seen_at > horizon}

    def _cell(self, second: SecondDelivery) -> int:
        return second.line.location * self._items + second.line.item
