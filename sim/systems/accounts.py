"""ERP's accounts: what it believes of its stock, in money, by double entry in integer cents.

Every posting balances to nothing, so the trial balance is 0.00 at any time; it is looked at every day. ERP posts
what it *believes*: units that left a shelf unseen are still worth something here until somebody counts.

The listeners of ERP's feeds only collect the lines that arrived. Once a day they are posted, one collective
posting a kind of movement, as retailers do with their tills: receipts at order price first, then what goes
and comes at the average. What changed ERP's books and no line explains was booked directly (an adjustment, a
resynchronisation, a merged item) and is posted as a difference of inventory. So at every close, by item,

    quantity valued = ERP's on-hand and blocked books + what ERP has in transit (303 less 305)

and the accounts agree with what stands beside them: stock with the values of the items, the goods received and
not invoiced with the order lines, what is payable with the open invoices.
Where an item's average has moved by a cent, ERP tells it (a ``valuing`` row).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from sim.clock import SECOND
from sim.draws import Kind, Paper, paper
from sim.events import CODES, SOURCE, STATUS
from sim.ledger import Belief, LedgerError
from sim.middleware.messages import Messages
from sim.region import Region
from sim.systems.authority import VALUATION
from sim.systems.erp import PurchaseBook
from sim.systems.valuation import PRICE_STEPS, Valuation, divide

I64 = npt.NDArray[np.int64]

#: Packing of a valuation's key: day | item.
_DAY_SHIFT = 20


class Account(IntEnum):
    """The chart of accounts; the position is the order in which they are shown."""

    STOCK = 0
    RECEIVED_NOT_INVOICED = 1
    COST_OF_GOODS_SOLD = 2
    SHRINK = 3
    PRICE_DIFFERENCES = 4
    PAYABLES = 5
    BANK = 6
    REVENUE = 7
    TILLS = 8
    CUSTOMER_RETURNS = 9
    SUPPLIER_CLAIMS = 10
    SCRAP = 11
    VENDOR_RETURNS = 12
    OPENING_BALANCE = 13
    CHARGEBACKS = 14


#: Movements that ERP prices by the order, and those that only change where goods are.
_RECEIPTS = frozenset({"101", "102", "103", "105"})
_TRANSFERS = frozenset({"301", "303", "305"})
_SALES = frozenset({"601"})
_CUSTOMER_RETURNS = frozenset({"651", "653", "657"})
#: The account against which other movements leave or enter stock; for any that is not here, differences of inventory.
_AGAINST = {"551": Account.SCRAP, "122": Account.VENDOR_RETURNS}


class GeneralLedger:
    """Debits and credits by account.

    Attributes:
        debit, credit: cents since the start, by account.
        days: what each closed day brought: name -> one value an account and day.
    """

    def __init__(self) -> None:
        self.debit = np.zeros(len(Account), np.int64)
        self.credit = np.zeros(len(Account), np.int64)
        self.days: dict[str, list[int]] = {
            name: [] for name in ("day", "account", "debit_cents", "credit_cents", "balance_cents")
        }
        self._closed = np.zeros((2, len(Account)), np.int64)

    def post(self, lines: Iterable[tuple[Account, int]]) -> None:
        """Post one document.

        Args:
            lines: accounts and cents, debits above 0 and credits below.

        Raises:
            LedgerError: if they do not balance.
        """
        lines = [(account, int(cents)) for account, cents in lines]
        if sum(cents for _, cents in lines):
            raise LedgerError(f"a posting that does not balance: {lines}")
        for account, cents in lines:
            if cents > 0:
                self.debit[account] += cents
            else:
                self.credit[account] -= cents

    def transfer(self, debit: Account, credit: Account, cents: int) -> None:
        """Post ``cents`` from one account to another; the other way round where they are below 0."""
        self.post(((debit, cents), (credit, -cents)))

    def balance(self, account: Account) -> int:
        """Debits less credits of an account."""
        return int(self.debit[account] - self.credit[account])

    def close(self, day: int) -> None:
        """Write down what a day brought.

        Raises:
            LedgerError: if the trial balance is not 0.00.
        """
        if int(self.debit.sum()) != int(self.credit.sum()):
            raise LedgerError(f"trial balance: debits {self.debit.sum()}, credits {self.credit.sum()} cents")
        for account in Account:
            row = {
                "day": day, "account": int(account), "debit_cents": int(self.debit[account] - self._closed[0, account]),
                "credit_cents": int(self.credit[account] - self._closed[1, account]),
                "balance_cents": self.balance(account),
            }
            for name, value in row.items():
                self.days[name].append(value)
        self._closed[:] = self.debit, self.credit


class Accounts:
    """The accounts of one region.

    Args:
        region: the region; its ERP feeds are listened to from now on.
        purchases: ERP's order book, which knows the price of a receipt.

    Attributes:
        general: the general ledger.
        valuation: what each item is worth.
        transit: units that ERP has between two places, by item.
        audits: called at each close; whoever keeps a book beside an account (open invoices) says what that
            account's balance must be.
    """

    def __init__(self, region: Region, purchases: PurchaseBook) -> None:
        self._region, self._purchases = region, purchases
        room = region.room
        self._cost_cents = purchases.cost_cents
        self._book = self._erp_book()
        self.transit = np.zeros(room.items, np.int64)
        self.valuation = Valuation(self._book, self._cost_cents)
        self.general = GeneralLedger()
        self.general.transfer(Account.STOCK, Account.OPENING_BALANCE, int(self.valuation.value.sum()))
        self.audits: list[Callable[[], tuple[Account, int]]] = []
        self._told_cents = np.zeros(room.items, np.int64)
        self._heard: list[Messages] = []
        self._direct: dict[str, I64] = {}
        for feed in region.feeds:
            if Belief.ERP_ON_HAND in feed.beliefs:
                feed.listeners.append(self._heard.append)

    def _erp_book(self) -> I64:
        """What ERP has on hand and blocked, by item."""
        belief, room = self._region.room.ledger.belief, self._region.room
        shape = (room.locations, room.items)
        book: I64 = sum(
            (belief[b].reshape(shape).sum(axis=0, dtype=np.int64) for b in (Belief.ERP_ON_HAND, Belief.ERP_BLOCKED)),
            np.zeros(room.items, np.int64),
        )
        return book

    # -- what is booked without a message ------------------------------------------------------------

    def post_return(self, item: int, units: int) -> None:
        """Say that ``units`` were booked out directly today as sent back to the vendor (122)."""
        self._explain("122", item, -units)

    def scrap(self, item: int, units: int) -> None:
        """Say that ``units`` were booked out directly today as scrap (551)."""
        self._explain("551", item, -units)

    def _explain(self, code: str, item: int, units: int) -> None:
        self._direct.setdefault(code, np.zeros(self._region.room.items, np.int64))[item] += units

    def credit_return(self, item: int, units: int) -> None:
        """A vendor pays back what was sent back, at cost."""
        self.general.transfer(Account.BANK, Account.VENDOR_RETURNS, units * int(self._cost_cents[item]))

    def lapse_return(self, item: int, units: int) -> None:
        """Nobody will credit what was sent back."""
        self.general.transfer(Account.PRICE_DIFFERENCES, Account.VENDOR_RETURNS, units * int(self._cost_cents[item]))

    # -- the daily close -------------------------------------------------------------------------------

    def close(self, day: int) -> None:
        """Post a day's movements and compare the accounts with what stands beside them.

        Args:
            day: its beginning, microseconds.

        Raises:
            LedgerError: if anything does not agree to the cent or to the unit.
        """
        moved = self._gather()
        for code in _TRANSFERS & moved.keys():
            self.transit -= moved[code]
        explained = sum(moved.values(), np.zeros_like(self.transit))
        book = self._erp_book()
        unexplained, self._book = book - self._book - explained, book
        self._post_receipts()
        for code in sorted(moved.keys() - _RECEIPTS - _TRANSFERS - _SALES):
            self._post_movement(code, moved[code])
        if unexplained.any():
            self._at_average(unexplained, Account.SHRINK)
        for code in _SALES & moved.keys():
            self._post_sales(-moved[code])
        self._heard.clear()
        self._direct.clear()
        self._check()
        self.general.close(day)
        self.tell_averages("changed")

    def _gather(self) -> dict[str, I64]:
        """Units by movement and item of the lines that arrived since the last close."""
        room = self._region.room
        parts: dict[str, list[tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]]]] = {}
        for m in self._heard:
            parts.setdefault(CODES[m.code], []).append((m.cell, m.on_hand + m.blocked))
        moved = {code: units.copy() for code, units in self._direct.items()}
        for code, columns in parts.items():
            cells, told = (np.concatenate(column) for column in zip(*columns, strict=True))
            # Whole numbers far below 2**53: exact as floats.
            moved[code] = moved.get(code, 0) + np.bincount(cells % room.items, told, room.items).astype(np.int64)
        for _, item, units in self._purchases.corrections:
            moved.setdefault("101", np.zeros(room.items, np.int64))[item] += units
        return moved

    def _post_receipts(self) -> None:
        """Receipts and their reversals, at the price of their order: stock against goods received and not invoiced."""
        items, purchases = self._region.room.items, self._purchases
        units, cents = np.zeros((2, 2, items), np.int64)
        for m in self._heard:
            if CODES[m.code] in _RECEIPTS:
                purchases.receive(m.document_id, np.asarray(m.cell % items), np.asarray(m.on_hand + m.blocked), units,
                                  cents)
        for receipt, item, more in purchases.corrections:
            purchases.receive(np.array([receipt]), np.array([item]), np.array([more]), units, cents)
        purchases.corrections.clear()
        gained = self.valuation.receive(units[0], cents[0]) - self.valuation.reverse(units[1], cents[1])
        cost, stock = int(cents[0].sum() - cents[1].sum()), int(gained.sum())
        self.general.post(((Account.STOCK, stock), (Account.PRICE_DIFFERENCES, cost - stock),
                           (Account.RECEIVED_NOT_INVOICED, -cost)))

    def _post_movement(self, code: str, units: I64) -> None:
        """Returns, counts, scrap and what is sent back."""
        if code in _CUSTOMER_RETURNS:
            self._at_average(units, Account.COST_OF_GOODS_SOLD)
            self.general.transfer(Account.CUSTOMER_RETURNS, Account.TILLS, self._at_list_price(units))
            return
        against = _AGAINST.get(code, Account.SHRINK)
        value = self._at_average(units, against)
        if against is Account.VENDOR_RETURNS:
            # A vendor credits what goods cost, not what they are carried at.
            owed = int(-units @ self._cost_cents)
            self.general.transfer(Account.VENDOR_RETURNS, Account.PRICE_DIFFERENCES, owed - value)

    def _post_sales(self, units: I64) -> None:
        """A day's net sales: at the average out of stock, at the list price into the tills."""
        self._at_average(-units, Account.COST_OF_GOODS_SOLD)
        self.general.transfer(Account.TILLS, Account.REVENUE, self._at_list_price(units))

    def _at_list_price(self, units: I64) -> int:
        """What units are sold for by the list prices of the day."""
        return int(units @ np.rint(self._region.room.catalogue.price * 100.0).astype(np.int64))

    def _at_average(self, units: I64, against: Account) -> int:
        """Let units come in, or go where they are below 0, at the average; returns what stock lost."""
        lost = self.valuation.issue(-units)
        for cents in (lost[lost > 0], lost[lost < 0]):
            self.general.transfer(against, Account.STOCK, int(cents.sum()))
        return int(lost.sum())

    def tell_averages(self, status: str) -> None:
        """Rows of the items whose average is another, in cents, than ERP has told last."""
        room = self._region.room
        cents = divide(self.valuation.price, PRICE_STEPS)
        # A number that is not in use is worth nothing to tell of.
        item = np.flatnonzero((cents != self._told_cents) & (room.catalogue.listed | (self._book != 0)))
        self._told_cents[item] = cents[item]
        day = np.int64(room.day_of(room.now) << _DAY_SHIFT)
        at = room.now + np.arange(len(item)) * (SECOND // 50)
        room.stream.emit(
            "valuing", len(item), event_id=room.ids.of(Kind.DOCUMENT, (day | item) + paper(Paper.ACCOUNT)),
            occurred_at=at, recorded_at=at, available_at=at + SECOND, source=SOURCE[VALUATION.in_dc],
            item=item.astype(np.int32), quantity=self.valuation.quantity[item], unit_price=cents[item] / 100.0,
            status=STATUS[status],
        )

    def _check(self) -> None:
        valuation, general = self.valuation, self.general
        wrong = np.flatnonzero(valuation.quantity != self._book + self.transit)
        if len(wrong):
            item = int(wrong[0])
            raise LedgerError(f"item {item}: {valuation.quantity[item]} units valued, ERP has "
                              f"{self._book[item]} and {self.transit[item]} in transit")
        beside = [(Account.STOCK, int(valuation.value.sum())),
                  (Account.RECEIVED_NOT_INVOICED, -self._purchases.open_cents()), *(audit() for audit in self.audits)]
        for account, cents in beside:
            if general.balance(account) != cents:
                raise LedgerError(f"{account.name}: {general.balance(account)} cents, beside it {cents}")
