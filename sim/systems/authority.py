"""Which system is believed where two of them differ: the rules of authority.

What people can walk up to and count belongs to the system of the place: the WMS in a DC, the store system in a shop.
What was ordered and what stock is worth belong to ERP, what is promised to customers to OMS. A book is only ever
aligned with the one that is authoritative for its subject, never the other way round: whoever doubts the
authoritative book looks at the goods (a count) or at the documents.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.ledger import KIND_OF, Belief, Kind


@dataclass(frozen=True)
class Authority:
    """Whose word counts about one subject.

    Attributes:
        subject: in words.
        book: the book that the others follow; None where no other system keeps one.
        in_dc, in_shop: the system that keeps it, a name of ``sim.events.SOURCES``.
    """

    subject: str
    book: Belief | None
    in_dc: str
    in_shop: str

    def system(self, location: int) -> str:
        """The authoritative system at a location; 0 is the DC."""
        return self.in_shop if location else self.in_dc


ON_HAND = Authority("stock on hand", Belief.SITE_ON_HAND, "WMS", "STORE")
BLOCKED = Authority("blocked stock", Belief.SITE_BLOCKED, "WMS", "STORE")
ON_ORDER = Authority("what is on order", Belief.ERP_ON_ORDER, "ERP", "ERP")
RESERVED = Authority("reservations", Belief.OMS_RESERVED, "OMS", "OMS")
VALUATION = Authority("the value of stock", None, "ERP", "ERP")
#: The rule for each kind of stock that more than one system may keep a book of.
OF_KIND: dict[Kind, Authority] = {
    Kind.ON_HAND: ON_HAND, Kind.BLOCKED: BLOCKED, Kind.ON_ORDER: ON_ORDER, Kind.RESERVED: RESERVED,
}


def leading_book(belief: Belief, location: int) -> tuple[Belief, str]:
    """The book that one is aligned with.

    Args:
        belief: the book to be aligned.
        location: of the cell.

    Returns:
        The authoritative book, and why ``belief`` is not aligned with it: "" where it may be.
    """
    rule = OF_KIND[KIND_OF[belief]]
    assert rule.book is not None
    system = rule.system(location)
    refused = f"{system} is authoritative for {rule.subject}: other books follow it" if belief is rule.book else ""
    return rule.book, refused
