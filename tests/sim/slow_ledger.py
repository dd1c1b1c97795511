"""A ledger nobody would wait for: it keeps every movement, message and error, and adds them up when asked.

It is written from the words of the design, not from :mod:`sim.ledger`. A belief is its opening and the
messages that have arrived; in flight is what was sent and neither arrived nor was lost; an error is a
record with a cause. Nothing here is ever subtracted from a total, so the identity is a finding, not a
construction:

    belief = fact + in flight + errors

Ambient errors are records of single events. A count takes away those it saw; promoting a cell binds the
records of one cause into one named entry a belief, which remembers them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

ON_HAND = ("site", "erp", "oms")
BOOKS = {
    "on_hand": ON_HAND,
    "blocked": ("site_blocked", "erp_blocked"),
    "on_order": ("erp_on_order",),
    "reserved": ("oms_reserved",),
}
KIND_OF = {book: kind for kind, books in BOOKS.items() for book in books}
CAUSES = ("shrink", "scan_error", "miscount")


@dataclass(eq=False)
class Message:
    """One line on its way to one book."""

    book: str
    cell: int
    says: int
    state: str = "flying"
    fault: int | None = None


@dataclass(eq=False)
class Event:
    """One ambient error: it made every on-hand book differ from its fact by ``units``."""

    cause: str
    cell: int
    units: int
    counted: bool = False
    bound: bool = False


@dataclass(eq=False)
class Entry:
    """A named error of one book, with every payment it received."""

    fault: int
    book: str
    cell: int
    units: int
    opened_at: int
    payments: list[tuple[int, int, int]] = field(default_factory=list)
    events: tuple[Event, ...] = ()

    @property
    def rest(self) -> int:
        return self.units - sum(units for units, _, _ in self.payments)

    def pay(self, most: int, now: int, by: int) -> int:
        """Take off up to ``most`` units of the entry's own sign; returns what was taken."""
        rest = self.rest
        if rest * most <= 0:
            return 0
        units = (1 if rest > 0 else -1) * min(abs(rest), abs(most))
        self.payments.append((units, now, by))
        return units

    @property
    def cleared(self) -> tuple[int, int]:
        """When, and by what, the last of it was paid."""
        return self.payments[-1][1:] if self.rest == 0 else (-1, -1)

    def rows(self) -> list[tuple[int, str, int, int, int, int, int, int]]:
        """The entry as the fast ledger's columns have it: each payment in part is a row of its own."""
        in_part = self.payments[:-1] if self.rest == 0 else self.payments
        left = self.units - sum(units for units, _, _ in in_part)
        paid = [(units, 0, self.opened_at, now, by) for units, now, by in in_part]
        whole = (left, self.rest, self.opened_at, *self.cleared)
        return [(self.fault, self.book, self.cell, *row) for row in (*paid, whole)]


@dataclass(eq=False)
class Sheet:
    """What one cell's count saw at its cut-off."""

    cell: int
    counted: int
    book: int
    delta: int
    events: list[Event]
    entries: dict[Entry, int]


class Totals(NamedTuple):
    """Sums by (kind or book or cause, cell)."""

    fact: Counter[tuple[str, int]]
    belief: Counter[tuple[str, int]]
    in_flight: Counter[tuple[str, int]]
    ambient: Counter[tuple[str, int]]
    named: Counter[tuple[str, int]]

    def error(self, book: str, cell: int) -> int:
        ambient = sum(self.ambient[cause, cell] for cause in CAUSES) if book in ON_HAND else 0
        return self.named[book, cell] + ambient


def fault_name(cause: str, cell: int, nth: int) -> int:
    """The number of the fault that a cell's ``nth`` promotion of one cause makes."""
    return 1_000_000 + nth * 1_000 + cell * 10 + CAUSES.index(cause)


class SlowLedger:
    """The twin."""

    def __init__(self, opening: dict[int, int], drift: Iterable[tuple[str, int, int]]) -> None:
        self.movements: list[tuple[str, int, int]] = [("on_hand", cell, units) for cell, units in opening.items()]
        self.messages: list[Message] = []
        self.events: list[Event] = []
        self.entries: list[Entry] = []
        self.names: dict[tuple[str, int], int] = {}
        for cell, units in opening.items():
            self.messages += [Message(book, cell, units, "posted") for book in ON_HAND]
        for cause, cell, units in drift:
            self.events.append(Event(cause, cell, units))
            self.messages += [Message(book, cell, units, "posted") for book in ON_HAND]

    # -- sums --------------------------------------------------------------------------------------

    def totals(self) -> Totals:
        """Everything, added up from the first day."""
        total = Totals(Counter(), Counter(), Counter(), Counter(), Counter())
        for kind, cell, units in self.movements:
            total.fact[kind, cell] += units
        for message in self.messages:
            if message.state == "posted":
                total.belief[message.book, message.cell] += message.says
            elif message.state == "flying":
                total.in_flight[message.book, message.cell] -= message.says
        for event in self.events:
            if not (event.counted or event.bound):
                total.ambient[event.cause, event.cell] += event.units
        for entry in self.entries:
            total.named[entry.book, entry.cell] += entry.rest
        return total

    def _standing(self, cause: str, cell: int) -> list[Event]:
        return [e for e in self.events if e.cause == cause and e.cell == cell and not (e.counted or e.bound)]

    # -- what happens ------------------------------------------------------------------------------

    def tell(
        self, kind: str, lines: Sequence[tuple[int, int, int]], cause: str | None, posted: Sequence[str]
    ) -> list[Message]:
        """Lines of (cell, change of the fact, units told); returns the messages still to arrive."""
        sent = []
        for cell, change, told in lines:
            self.movements.append((kind, cell, change))
            sent += [Message(b, cell, told, "posted" if b in posted else "flying") for b in BOOKS[kind]]
            if cause is not None:
                self.events.append(Event(cause, cell, told - change))
        self.messages += sent
        return [m for m in sent if m.state == "flying"]

    def take_unseen(self, cell: int, units: int, fault: int, now: int) -> None:
        self.movements.append(("on_hand", cell, -units))
        for book in ON_HAND:
            self._open(fault, book, cell, units, now)

    def lose(self, message: Message, fault: int, now: int) -> None:
        message.state, message.fault = "lost", fault
        self._open(fault, message.book, message.cell, -message.says, now)

    def repeat(self, message: Message, fault: int, now: int) -> None:
        self.messages.append(Message(message.book, message.cell, message.says, "posted"))
        self._open(fault, message.book, message.cell, message.says, now)

    def garble(self, message: Message, wrong: int, fault: int, now: int) -> None:
        self._open(fault, message.book, message.cell, wrong - message.says, now)
        message.says = wrong

    def correct(
        self, book: str, cell: int, units: int, now: int, by: int, owner: int | None, only: int | None
    ) -> tuple[list[int], int, Message]:
        """A repair; returns the faults paid, the unpaid units, and the message sent."""
        if only is None and KIND_OF[book] == "on_hand":
            self.promote(cell, now)
        left, paid = units, []
        for entry in list(self.entries):
            if entry.book == book and entry.cell == cell and only in {None, entry.fault}:
                taken = entry.pay(-left, now, by)
                left += taken
                if taken:
                    paid.append(entry.fault)
        message = Message(book, cell, units if owner is not None else units - left)
        if owner is not None:
            self._open(owner, book, cell, left, now)
        self.messages.append(message)
        return paid, left, message

    def promote(self, cell: int, now: int) -> None:
        for cause in CAUSES:
            events = tuple(self._standing(cause, cell))
            units = sum(e.units for e in events)
            if units == 0:
                continue
            nth = self.names[cause, cell] = self.names.get((cause, cell), 0) + 1
            for event in events:
                event.bound = True
            for book in ON_HAND:
                self._open(fault_name(cause, cell, nth), book, cell, units, now, events)

    def _open(self, fault: int, book: str, cell: int, units: int, now: int, events: tuple[Event, ...] = ()) -> None:
        if units:
            self.entries.append(Entry(fault, book, cell, units, now, events=events))

    # -- counts ------------------------------------------------------------------------------------

    def count(self, cell: int, mistake: int, missed: bool) -> Sheet:
        total = self.totals()
        counted = max(0, total.fact["on_hand", cell] + mistake)
        book = total.belief["site", cell]
        settled = book if missed else book - total.in_flight["site", cell]
        seen = {e: e.rest for e in self.entries if e.cell == cell and e.book in ON_HAND and e.rest}
        events = [e for cause in CAUSES for e in self._standing(cause, cell)]
        return Sheet(cell, counted, book, counted - settled, events, seen)

    def approve(self, sheet: Sheet, now: int, by: int, spare: int, owner: int | None) -> list[Message]:
        """Book a count, whose own error is everyday's or its owner's; returns the messages downstream."""
        cleared = dict.fromkeys(ON_HAND, 0)
        claims = dict(sheet.entries)
        for event in sheet.events:
            if event.counted:
                continue
            event.counted = True
            if not event.bound:
                cleared = {book: units + event.units for book, units in cleared.items()}
                continue
            # Promoted since: its units stand in the entries that bound it.
            for entry in self.entries:
                if event in entry.events:
                    claims[entry] = claims.get(entry, 0) + event.units
        found = set()
        for entry, units in claims.items():
            if entry.book == "site" and (taken := entry.pay(units, now, by)):
                cleared["site"] += taken
                found.add(entry.fault)
        for entry, units in claims.items():
            if entry.book != "site" and entry.fault in found:
                cleared[entry.book] += entry.pay(units, now, by)
        own = sheet.delta + cleared["site"]
        if owner is not None:
            for book in ON_HAND:
                self._open(owner, book, sheet.cell, own, now)
        elif own:
            self.events.append(Event("miscount", sheet.cell, own))
        for book in ON_HAND[1:]:
            self._open(spare, book, sheet.cell, sheet.delta + cleared[book] - own, now)
        self.messages.append(Message("site", sheet.cell, sheet.delta, "posted"))
        sent = [Message(book, sheet.cell, sheet.delta) for book in ON_HAND[1:]]
        self.messages += sent
        return sent
