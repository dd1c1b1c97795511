"""The trade's walks: as many cells as there are people for, by the rule, and none twice within a cycle."""

from types import SimpleNamespace

import numpy as np
import pytest

from detection.detectors.base import DetectorContext
from detection.detectors.walks import CYCLE_DAYS, HighActivity, LowOnHand, RandomCount, ZeroBalanceWalk
from detection.layout import Layout
from detection.spec import OperatorSpec
from sim.clock import DAY
from sim.events import Rows, Vocabulary

ITEMS = 12
CONTEXT = DetectorContext(
    Layout(Vocabulary(("DC1", "S0001", "S0002"), tuple(f"I{n:05d}" for n in range(1, ITEMS + 1)))), OperatorSpec(), 1
)


def morning(day, book, lines):
    cells = SimpleNamespace(erp=np.ravel(book), lines=np.ravel(lines), locations=3, items=ITEMS, trading_days=9,
                            is_retired=np.arange(ITEMS) == ITEMS - 1)
    return SimpleNamespace(now=day * DAY, is_new_day=True, cells=cells)


def visits(detector, views):
    return [(f.type, f.location, f.item) for f in detector.detect(views, Rows())]


BOOK = np.array([np.arange(ITEMS), np.arange(ITEMS) - 2, np.arange(ITEMS)[::-1]])
LINES = np.array([np.arange(ITEMS)] * 3) * 3


@pytest.mark.parametrize(("made", "expected"), [
    (ZeroBalanceWalk, [("count_variance", 1, 2), ("negative_inventory", 1, 1)]),  # the last of shop 2 is retired
    (HighActivity, [("phantom_stock", 1, 10), ("phantom_stock", 1, 9), ("phantom_stock", 2, 10),
                    ("phantom_stock", 2, 9)]),
    (LowOnHand, [("phantom_stock", 1, 3), ("phantom_stock", 1, 4), ("phantom_stock", 2, 10), ("phantom_stock", 2, 9)]),
])  # fmt: skip
def test_the_rule_says_which(made, expected):
    assert visits(made(CONTEXT), morning(3, BOOK, LINES)) == expected


@pytest.mark.parametrize("made", [RandomCount, HighActivity, LowOnHand])
def test_a_cell_is_visited_once_a_cycle(made):
    detector = made(CONTEXT)
    seen = [visit[1:] for day in range(3, 3 + CYCLE_DAYS) for visit in visits(detector, morning(day, BOOK, LINES))]
    assert len(seen) == len(set(seen))
    assert visits(detector, morning(3 + CYCLE_DAYS, BOOK, LINES))


def test_the_lot_falls_on_every_cell_alike():
    counts = np.zeros((3, ITEMS))
    for seed in range(400):
        context = DetectorContext(CONTEXT.layout, CONTEXT.spec, seed)
        for _, location, item in visits(RandomCount(context), morning(5, BOOK, LINES)):
            counts[location, item] += 1
    assert counts[0].sum() == counts[:, ITEMS - 1].sum() == 0
    # 400 x 2 draws over 11 cells: 72.7 each, standard deviation 7.7
    assert np.abs(counts[1:, :-1] - 800 / 11).max() < 4.5 * 7.7
