"""Credits: what vendors owe for goods that went back to them, and by when.

A return to a vendor opens a credit with its due time; the vendor's credit note settles it. There are some
dozens a week, so they are held as plain records.
"""

from __future__ import annotations

from dataclasses import dataclass

from detection.views.columns import integers
from sim.clock import DAY, MINUTE
from sim.events import NULL, STATUS, Block

_FORGET_DAYS = 60


@dataclass(slots=True)
class Credit:
    """One credit that is due.

    Attributes:
        document_id: the return to the vendor.
        units: that went back.
        due_at, event_id: of the row that opened it.
        is_told: whether it was reported overdue.
    """

    document_id: int
    units: int
    due_at: int
    event_id: int
    is_told: bool = False


class Credits:
    """Credits that vendors owe.

    Attributes:
        open: by return document.
        overdue, settled: fell due unpaid, and documents whose credit came, in this step.
    """

    def __init__(self, grace_minutes: float) -> None:
        self._grace = int(grace_minutes * MINUTE)
        self.open: dict[int, Credit] = {}
        self.begin()

    def begin(self) -> None:
        """Clear the last step's news."""
        self.overdue: list[Credit] = []
        self.settled: list[int] = []

    def credit(self, block: Block) -> None:
        """Credits that were opened or came."""
        names = ("parent_document_id", "quantity", "status", "due_at", "event_id")
        columns = (integers(block, name).tolist() for name in names)
        for document, units, status, due, event in zip(*columns, strict=True):
            if status == STATUS["pending"]:
                self.open.setdefault(document, Credit(document, units, due, event))
            elif status == STATUS["credited"] and self.open.pop(document, None) is not None:
                self.settled.append(document)

    def finish(self, now: int) -> None:
        """Find the credits that are due and did not come."""
        for credit in self.open.values():
            if not credit.is_told and credit.due_at != NULL and credit.due_at + self._grace <= now:
                credit.is_told = True
                self.overdue.append(credit)

    def end_day(self, now: int) -> None:
        """Forget what no vendor will pay any more."""
        horizon = now - _FORGET_DAYS * DAY
        self.open = {document: credit for document, credit in self.open.items() if credit.due_at > horizon}
