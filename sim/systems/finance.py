"""Accounts payable: what suppliers bill, and what an invoice may differ by before it is blocked for payment.

A *tolerance* has four limits: a share up and down, and a value up and down. It is judged the same way
wherever something found is held against something expected: a price, a quantity billed, a delivery, a count.

The three-way match holds each invoice line against its order line (price) and its receipt (quantity as ERP has
posted it). A line within tolerance is *matched*, else it is *blocked*: it is posted and not paid. Under-delivery
warns; of an over-delivery, what is past tolerance is refused (see :func:`accepted_units`).

Suppliers bill what the receiving advice (861) said was counted, at the price agreed. Some invoices are wrong:
mostly as a whole, out of an old price list, some in one line only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.clock import DAY, HOUR
from sim.config import Finance
from sim.draws import Purpose, keyed_int, lognormal_int, uniform_int
from sim.room import Room

I64 = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

#: An invoice follows the receipt after a lognormal number of days. Assumption.
_INVOICE_DAYS_MEDIAN, _INVOICE_DAYS_SIGMA = 3.0, 0.35
#: Of wrong invoices: share wrong as a whole, and with one wrong price; the rest has one wrong quantity. Assumption.
_WHOLE, _ONE_PRICE = 0.88, 0.95
#: Share of wrong prices that are too high, and by how much wrong prices are off. Assumption.
_TOO_HIGH, _OFF_MIN, _OFF_MAX = 0.75, 0.12, 0.25
#: Terms of payment that suppliers have agreed on, as shares of the longest. Assumption.
_TERMS = (0.25, 0.5, 1.0)


@dataclass(frozen=True)
class Tolerance:
    """How far something found may be from what was expected.

    Attributes:
        up, down: as a share of what was expected.
        value_up, value_down: in currency.
    """

    up: float
    down: float
    value_up: float
    value_down: float

    @classmethod
    def of(cls, config: Finance) -> Tolerance:
        """The tolerance that a configuration names."""
        return cls(config.tolerance_up, config.tolerance_down, config.value_up, config.value_down)

    def breaks(self, expected: I64, found: I64, cents: I64) -> Flags:
        """Which limits are broken; at a limit nothing is.

        Args:
            expected: whole numbers, shape (n,).
            found: likewise.
            cents: what a step of one is worth, likewise.

        Returns:
            Shape (4, n): past the share up, the share down, the value up, the value down.
        """
        more = found - expected
        # In whole hundredths of a percent and cents, so that a limit that is just met is never broken by a float.
        up, down = (round(share * 10_000) for share in (self.up, self.down))
        value_up, value_down = (round(value * 100) for value in (self.value_up, self.value_down))
        return np.stack([
            more * 10_000 > expected * up, -more * 10_000 > expected * down,
            more * cents > value_up, -more * cents > value_down,
        ])


def accepted_units(tolerance: Tolerance, ordered: I64, delivered: I64) -> I64:
    """Of a delivery, the units that are taken: what is past the share up is refused; too little is only warned of."""
    most = ordered * round((1.0 + tolerance.up) * 10_000) // 10_000
    return np.minimum(delivered, most)


def blocked_lines(tolerance: Tolerance, received: I64, billed: I64, agreed: I64, charged: I64) -> Flags:
    """The three-way match of invoice lines.

    Args:
        tolerance: what may differ.
        received: units that ERP has posted and that no other invoice claimed.
        billed: units on the invoice.
        agreed: cents a unit by the order.
        charged: cents a unit by the invoice.

    Returns:
        Lines out of tolerance.
    """
    limits = np.concatenate([tolerance.breaks(received, billed, agreed), tolerance.breaks(agreed, charged, billed)])
    blocked: Flags = np.any(limits, axis=0)
    return blocked


def bill(room: Room, purchase: int, advised: I64, counted: I64, agreed: I64, case: I64) -> tuple[I64, I64]:
    """What a supplier bills for an order.

    Args:
        room: the region.
        purchase: the order; draws what goes wrong.
        advised: units on the ASN, by line.
        counted: units that the receiving advice names, by line.
        agreed: cents a unit.
        case: units of a case.

    Returns:
        Units and cents a unit, by line.
    """
    units, cents = counted.copy(), agreed.copy()
    bits = keyed_int(room.seed, Purpose.INVOICE, purchase)
    if uniform_int(bits) >= room.config.finance.invoice_error_rate or not len(units):
        return units, cents
    kind, size, line = (keyed_int(bits, Purpose.INVOICE, salt) for salt in range(3))
    line %= len(units)
    off = _OFF_MIN + (_OFF_MAX - _OFF_MIN) * uniform_int(size)
    factor = 1.0 + off if uniform_int(keyed_int(size, Purpose.INVOICE)) < _TOO_HIGH else 1.0 - off
    if uniform_int(kind) < _WHOLE:
        cents = np.rint(agreed * factor).astype(np.int64)
    elif uniform_int(kind) < _ONE_PRICE:
        cents[line] = round(int(agreed[line]) * factor)
    else:
        # It bills what it meant to send; where all of it came, a case that it did not send.
        short = np.flatnonzero(advised > counted)
        line = int(short[0]) if len(short) else line
        units[line] = advised[line] if len(short) else units[line] + max(int(case[line]), int(units[line]) // 5)
    return units, cents


def invoice_time(room: Room, purchase: int) -> int:
    """When the invoice of goods that came in now is in the mail: on a later day, in office hours."""
    bits = keyed_int(room.seed, Purpose.INVOICE, purchase, 1)
    days = max(1, round(lognormal_int(bits, _INVOICE_DAYS_MEDIAN, _INVOICE_DAYS_SIGMA)))
    clock = 7 * HOUR + round(uniform_int(keyed_int(bits, Purpose.INVOICE)) * 10 * HOUR)
    return (room.now // DAY + days) * DAY + clock


def payment_term(room: Room, supplier: int) -> int:
    """Time from an invoice to its payment, as agreed with a supplier; the same in every region."""
    term = _TERMS[keyed_int(room.seed, Purpose.INVOICE, supplier, 2) % len(_TERMS)]
    return round(room.config.finance.payment_days * term * DAY)
