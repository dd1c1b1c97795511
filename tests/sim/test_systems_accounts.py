"""ERP's money: known answers of the moving average, and books that balance whatever happens."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sim.clock import HOUR
from sim.events import STATUS
from sim.ledger import LedgerError
from sim.systems.accounts import Account, GeneralLedger
from sim.systems.valuation import PRICE_STEPS, Valuation
from sim.world import RegionWorld
from tests.sim.small_world import Played, Watcher, play, quiet_config, small_config


def cents(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


#: What happens, units, cents a unit where a price is given; then what stock moved by, and units and value after it.
TEXTBOOK = [
    ("receipt", 100, 1000, 100_000, 100, 100_000),
    ("receipt", 50, 1300, 65_000, 150, 165_000),  # the average is 11.00
    ("issue", 60, None, -66_000, 90, 99_000),
    ("receipt", 30, 1500, 45_000, 120, 144_000),  # the average is 12.00
    ("issue", 120, None, -144_000, 0, 0),
]


def test_three_receipts_and_two_issues_are_valued_as_the_textbook_does():
    valuation = Valuation(cents(0), cents(900))
    for kind, units, price, moved, quantity, value in TEXTBOOK:
        if kind == "receipt":
            assert valuation.receive(cents(units), cents(units * price)) == moved
        else:
            assert -valuation.issue(cents(units)) == moved
        assert (valuation.quantity[0], valuation.value[0]) == (quantity, value)
    assert valuation.price[0] == 1200 * PRICE_STEPS


def test_the_last_unit_takes_what_rounding_left():
    valuation = Valuation(cents(0), cents(0))
    valuation.receive(cents(3), cents(1000))
    assert [int(valuation.issue(cents(1))[0]) for _ in range(3)] == [333, 334, 333]
    assert valuation.value[0] == 0


def test_what_is_missing_is_worth_the_last_average_and_a_receipt_covers_it_first():
    valuation = Valuation(cents(2), cents(100))
    assert valuation.issue(cents(5)) == 500
    assert (valuation.quantity[0], valuation.value[0]) == (-3, -300)
    # Ten at 1.20: three of them cover what was sold at 1.00, 60 cents are a price difference.
    assert valuation.receive(cents(10), cents(1200)) == 1140
    assert (valuation.quantity[0], valuation.value[0]) == (7, 840)


def test_a_receipt_that_does_not_cover_what_is_missing_leaves_the_average_alone():
    valuation = Valuation(cents(0), cents(100))
    valuation.issue(cents(10))
    assert valuation.receive(cents(4), cents(4000)) == 400
    assert (valuation.value[0], valuation.price[0]) == (-600, 100 * PRICE_STEPS)


def test_a_receipt_taken_back_leaves_at_its_own_price_while_it_can():
    valuation = Valuation(cents(10), cents(100))
    valuation.receive(cents(10), cents(2000))
    assert valuation.reverse(cents(10), cents(2000)) == 2000
    assert (valuation.quantity[0], valuation.value[0]) == (10, 1000)
    valuation.receive(cents(10), cents(2000))
    valuation.issue(cents(15))
    # Five are left at 1.50; ten go back: at the average, and the rest is a price difference.
    assert valuation.reverse(cents(10), cents(2000)) == 1500
    assert (valuation.quantity[0], valuation.value[0]) == (-5, -750)


MOVE = st.tuples(st.sampled_from(["receive", "reverse", "issue"]), st.integers(0, 1),
                 st.integers(-400, 400), st.integers(0, 30_000))


@settings(max_examples=300)
@example(moves=[("receive", 1, 155, 224), ("issue", 1, -204, 0), ("reverse", 1, 358, 0), ("issue", 1, -4, 0)],
         opening=5, price=100)
@given(moves=st.lists(MOVE, max_size=40), opening=st.integers(-20, 200), price=st.integers(1, 30_000))
def test_no_sequence_of_movements_loses_a_cent(moves: list[tuple[str, int, int, int]], opening: int, price: int):
    valuation, ledger = Valuation(cents(opening, 0), cents(price, 250)), GeneralLedger()
    ledger.transfer(Account.STOCK, Account.OPENING_BALANCE, int(valuation.value.sum()))
    quantity = np.array([opening, 0])
    for kind, item, units, at in moves:
        before = int(valuation.value[item])
        many, worth = np.zeros((2, 2), np.int64)
        many[item] = units if kind == "issue" else abs(units)
        worth[item] = many[item] * at
        if kind == "issue":
            ledger.transfer(Account.COST_OF_GOODS_SOLD, Account.STOCK, int(valuation.issue(many).sum()))
        else:
            sign = 1 if kind == "receive" else -1
            moved = sign * int((valuation.receive if sign == 1 else valuation.reverse)(many, worth).sum())
            cost = sign * int(worth.sum())
            ledger.post(((Account.STOCK, moved), (Account.PRICE_DIFFERENCES, cost - moved),
                         (Account.RECEIVED_NOT_INVOICED, -cost)))
        quantity = quantity + (-many if kind == "issue" else many if kind == "receive" else -many)
        assert (valuation.quantity == quantity).all()
        assert ledger.balance(Account.STOCK) == valuation.value.sum()
        assert sum(ledger.balance(account) for account in Account) == 0
        assert (valuation.value[valuation.quantity == 0] == 0).all()
        assert (np.sign(valuation.value) * np.sign(valuation.quantity) >= 0).all()
        below = valuation.quantity < 0
        owed = [round_half_up(Fraction(int(p) * int(q), PRICE_STEPS))
                for p, q in zip(valuation.price[below], valuation.quantity[below], strict=True)]
        assert valuation.value[below].tolist() == owed
        # A receipt adds what was paid at most, and a reversal nothing, though it may leave the dearer units behind.
        if kind != "issue":
            assert valuation.value[item] <= max(before, 0) + (int(worth[item]) if kind == "receive" else 0)


def round_half_up(number: Fraction) -> int:
    return (2 * number.numerator + number.denominator) // (2 * number.denominator)


def test_a_posting_that_does_not_balance_is_refused():
    ledger = GeneralLedger()
    with pytest.raises(LedgerError, match="does not balance"):
        ledger.post(((Account.STOCK, 100), (Account.SHRINK, -99)))
    ledger.debit[Account.STOCK] += 1
    with pytest.raises(LedgerError, match="trial balance"):
        ledger.close(0)


# -- in a world --------------------------------------------------------------------------------------


def test_a_healthy_chain_costs_what_it_sold_and_differs_nowhere():
    """Without faults every account follows from the rows of the stream, by hand."""
    config = quiet_config(stores=3, items=25, days=10)
    config.demand.online_share = 0.0
    played = play(config)
    accounts, room = played.world.accounts, played.world.room
    general = accounts.general
    cost = np.rint(100 * room.catalogue.cost).astype(int)
    sold, back = played.of("retail_selling"), played.of("returning")
    cost_of_sales = int((sold.quantity * cost[sold.item]).sum() - (back.quantity * cost[back.item]).sum())
    assert general.balance(Account.COST_OF_GOODS_SOLD) == cost_of_sales
    assert -general.balance(Account.REVENUE) == paid_in_all(sold)
    assert general.balance(Account.CUSTOMER_RETURNS) == paid_in_all(back)
    assert general.balance(Account.SHRINK) == general.balance(Account.PRICE_DIFFERENCES) == 0
    assert general.debit[Account.SHRINK] == general.credit[Account.SHRINK] == 0
    received = played.of("posting").query("code == 0")
    assert len(received)
    assert general.credit[Account.RECEIVED_NOT_INVOICED] == int((received.quantity * cost[received.item]).sum())


def paid_in_all(rows: pd.DataFrame) -> int:
    return int((rows.quantity * np.rint(100 * rows.unit_price).astype(int)).sum())


def test_the_trial_balance_of_every_day_is_nothing():
    played = play(small_config(stores=3, items=30, days=8))
    days = played.world.accounts.general.days
    assert len(days["day"]) == 8 * len(Account)
    for name in ("debit_cents", "credit_cents", "balance_cents"):
        assert any(days[name]), name
    debit, credit, balance = (np.array(days[n]).reshape(8, -1) for n in ("debit_cents", "credit_cents",
                                                                         "balance_cents"))
    assert (debit.sum(axis=1) == credit.sum(axis=1)).all()
    assert not balance.sum(axis=1).any()
    assert (np.cumsum(debit - credit, axis=0) == balance).all()


@pytest.mark.parametrize("tamper", [
    lambda a: a.valuation.value.__setitem__(3, a.valuation.value[3] + 1),
    lambda a: a.transit.__setitem__(3, a.transit[3] + 1),
    lambda a: a._purchases._unordered.received.__setitem__(3, 1),
], ids=["value", "transit", "order line"])
def test_a_cent_or_a_unit_that_nobody_posted_stops_the_run(tamper):
    world = RegionWorld(small_config(stores=2, items=10, days=3), 1, 0)

    def after(now: int) -> list[dict[str, object]]:
        if now == world.room.calendar.start + 10 * 900_000_000:
            tamper(world.accounts)
        return []

    with pytest.raises(LedgerError):
        world.run(Watcher(after=after).step)


def test_erp_tells_an_average_that_has_moved_and_no_other():
    config = quiet_config(stores=3, items=25, days=12)
    config.suppliers.price_change_rate = config.suppliers.troubled_share = 1.0
    played = play(config)
    valuing, cost = played.of("valuing"), played.world.room.catalogue.cost
    opening = valuing[valuing.status == STATUS["opening"]]
    assert (opening.unit_price.to_numpy() == cost[opening.item]).all()
    assert len(opening) == 25
    moved = valuing[valuing.status == STATUS["changed"]]
    assert len(moved)
    for _, told in valuing.groupby("item"):
        assert (np.abs(np.diff(told.unit_price)) > 0.009).all()
    assert len(play(quiet_config(stores=3, items=25, days=12)).of("valuing")) == 25, "at one price no average moves"


def test_a_second_posting_is_valued_and_its_reversal_takes_it_back():
    def suppress(row, _):
        return None if row["count"] != -1 else {"kind": "suppress", **{k: row[k] for k in (
            "interface", "location", "sequence")}}

    config = quiet_config(stores=3, items=25, days=10, duplicate_message=0.05)
    left, mended = play(config), play(config, watcher=Watcher(suppress, ("sequence_gap",)))
    healthy = play(quiet_config(stores=3, items=25, days=10))
    assert any(not reason for reason in mended.outcomes().values())
    sales = [played.world.accounts.general.balance(Account.REVENUE) for played in (healthy, left, mended)]
    assert sales[1] < sales[0], "what was sold twice in the books is revenue until it is reversed"
    assert abs(sales[2] - sales[0]) < abs(sales[1] - sales[0])


def test_a_conversion_that_is_fixed_posts_the_missing_receipts():
    config = quiet_config(stores=3, items=25, days=20, unit_of_measure=1.0)
    config.replenishment.pack_days = 20.0
    world = RegionWorld(config, 2, 0)
    asked: list[int] = []

    def after(now: int) -> list[dict[str, object]]:
        wrong = sorted(world.receiving.converting.shown) if now > world.room.calendar.end - 3 * 86_400_000_000 else []
        asked.extend(wrong)
        return [{"kind": "fix_conversion", "location": 0, "item": item} for item in wrong]

    watcher = Watcher(after=after)
    world.run(watcher.step)
    assert asked
    receipts = Played(world, watcher).of("receiving").query("code == 0")
    receipts = receipts[receipts.available_at < world.room.calendar.end - HOUR]
    orders = world.receiving.purchases._orders.values()
    for item in set(asked):
        received = sum(int(order.received[order.item == item].sum()) for order in orders)
        assert received == receipts.quantity[receipts.item == item].sum()
    assert world.accounts.general.balance(Account.SHRINK) == 0, "a receipt posted late is no difference of inventory"
