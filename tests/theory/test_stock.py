"""Replenishment and demand against inventory theory: the fill rate of (R, s, nQ), and the newsvendor.

The demand is the world's own, with all shops, items and days alike, so that the daily demand of a cell
is negative binomial; the rule is ERP's own, on the ledger's own books. What they are held against is
computed here, exactly, from the distribution alone.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import stats

from sim.catalogue import make_catalogue
from sim.clock import HOUR, TICK
from sim.config import Config
from sim.demand import SyntheticDemand
from sim.ledger import Belief, Kind, Place
from sim.region import healthy, open_region
from sim.room import Room
from sim.systems.erp import store_needs

STORES, ITEMS, LOGARITHMIC = 20, 30, 0.35
ON_HAND = (Belief.SITE_ON_HAND, Belief.ERP_ON_HAND, Belief.OMS_ON_HAND)


def _alike(units: float, **replenishment: float) -> Config:
    """A healthy chain whose shops, items and days are all alike, and whose shops open for one hour a day."""
    config = healthy(Config())
    config.world.stores, config.world.items, config.world.days = STORES, ITEMS, 10
    config.world.daily_units, config.world.closes = units, config.world.opens + 1
    demand = config.demand
    demand.weekday, demand.peak_days, demand.store_sigma, demand.popularity_sigma = [1.0] * 7, 0, 0.0, 0.0
    demand.online_share, demand.basket_lines, demand.quantity_log = 0.0, 1.0, LOGARITHMIC
    config.pricing.promotion_share = config.pricing.change_rate = 0.0
    for name, value in replenishment.items():
        setattr(config.replenishment, name, value)
    return config


def _law(mean: float):
    """Daily demand of a cell: a Poisson number of logarithmic quantities (Quenouille 1949)."""
    return stats.nbinom(mean * (1 - LOGARITHMIC) / LOGARITHMIC, 1 - LOGARITHMIC)


def _days(config: Config, days: int) -> np.ndarray:
    """Units wanted, shape (days, stores x items)."""
    source = SyntheticDemand(config, make_catalogue(config, 1), 1, 0, STORES)
    wanted = np.zeros((days, STORES * ITEMS), np.int32)
    first = 20_000 * 24 * HOUR // TICK + config.world.opens * 4
    for day in range(days):
        for tick in range(4):
            lines = source.tick(first + day * 96 + tick)
            np.add.at(wanted[day], (lines.store - 1) * ITEMS + lines.item, lines.quantity)
    return wanted


def _fill_rates(room: Room, wanted: np.ndarray, warm_up: int) -> np.ndarray:
    """Share of the wanted units that each cell sold: reviewed every night, delivered on the evening after."""
    ledger, first = room.ledger, room.items
    cells = np.arange(first, ledger.cells)
    stock = ledger.fact[Kind.ON_HAND]
    moves = {"place": Place.SHELF, "posted": ON_HAND}
    # All goods stand on the shelf: what is where is not the question here.
    ledger.move(Place.BACKROOM, Place.SHELF, cells, ledger.place[Place.BACKROOM, first:].copy())
    coming = (cells[:0], np.zeros(0, np.int32))
    sold_units = np.zeros(len(cells))
    for day, units in enumerate(wanted):
        sold = np.minimum(units, stock[first:])
        ledger.tell(Kind.ON_HAND, cells, -sold, **moves)
        ledger.tell(Kind.ON_HAND, *coming, **moves)
        ledger.tell(Kind.ON_ORDER, coming[0], -coming[1], posted=(Belief.ERP_ON_ORDER,))
        coming = store_needs(room, day, set())
        ledger.tell(Kind.ON_ORDER, *coming, posted=(Belief.ERP_ON_ORDER,))
        if day >= warm_up:
            sold_units += sold
    ledger.check()
    return sold_units / wanted[warm_up:].sum(axis=0)


def exact_fill_rate(mean: float, point: int, pack: int) -> float:
    """The fill rate of the same rule from the stationary law of its stock: a Markov chain of few states."""
    law, states = _law(mean), np.arange(point + pack + 1)
    step = np.zeros((len(states), len(states)))
    served = np.zeros(len(states))
    for stock in states:
        coming = max(1, (point - stock) // pack + 1) * pack if stock <= point else 0
        chances = np.append(law.pmf(np.arange(stock)), law.sf(stock - 1))
        served[stock] = chances @ np.arange(stock + 1)
        for sold, chance in enumerate(chances):
            step[stock, stock - sold + coming] += chance
    balance = np.vstack([step.T - np.eye(len(states)), np.ones(len(states))])
    stationary = np.linalg.lstsq(balance, np.append(np.zeros(len(states)), 1.0), rcond=None)[0]
    return float(stationary @ served / mean)


@cache
def _played(units: float, cover: float, pack_days: float, days: int) -> tuple[np.ndarray, float, int, int]:
    config = _alike(units, cover_days=cover, safety_factor=0.0, pack_days=pack_days, review_days=1)
    room = open_region(config, 1, 0).room
    points, packs = set(room.economy.reorder_point[room.items :].tolist()), set(room.catalogue.pack.tolist())
    assert (len(points), len(packs)) == (1, 1), "all cells are alike"
    (point,), (pack,) = points, packs
    return _fill_rates(room, _days(config, days), 20), units, point, pack


@pytest.mark.parametrize(("units", "cover", "pack_days"), [(0.9, 0.2, 4.0), (2.0, 0.1, 1.0), (0.9, 2.0, 1.0)])
def test_the_fill_rate_of_erps_rule_is_that_of_its_markov_chain(units: float, cover: float, pack_days: float):
    rates, mean, point, pack = _played(units, cover, pack_days, 220)
    exact = exact_fill_rate(mean, point, pack)
    error = rates.std(ddof=1) / np.sqrt(len(rates))
    assert error < 0.005
    # A ratio of short sums is biased by a little; ten standard errors away would be another rule.
    assert abs(rates.mean() - exact) < 3 * error
    assert abs(exact_fill_rate(mean, point + 1, pack) - exact) > 3 * error or exact > 0.99


def test_the_chain_of_one_unit_is_solved_by_hand():
    # Sold out, a cell waits a day for its one unit; with it in hand it sells it unless nobody comes.
    mean = 1.3
    nobody = _law(mean).pmf(0)
    in_hand = 1 / (2 - nobody)
    assert exact_fill_rate(mean, 0, 1) == pytest.approx(in_hand * (1 - nobody) / mean)
    assert exact_fill_rate(mean, 60, 1) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("ratio", [0.5, 0.8, 0.95])
def test_the_newsvendor_buys_the_quantile_of_the_critical_ratio(ratio: float):
    mean = 2.5
    wanted = _days(_alike(mean), 300).ravel()
    best = int(_law(mean).ppf(ratio))
    # Costs of one unit too few and too many, whose critical ratio this is.
    under, over = ratio, 1 - ratio
    quantities = np.arange(best + 8)
    cost = [(under * np.maximum(wanted - q, 0) + over * np.maximum(q - wanted, 0)).mean() for q in quantities]
    assert int(np.argmin(cost)) == best
    chances = _law(mean).pmf(np.arange(400))
    units = np.arange(400)
    expected = chances @ (under * np.maximum(units - best, 0) + over * np.maximum(best - units, 0))
    assert cost[best] == pytest.approx(expected, rel=0.02)
