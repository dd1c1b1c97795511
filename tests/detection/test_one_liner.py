"""Each statistic of the one-liners against pandas or a plain loop, and the family as a whole."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from detection.detectors.base import DetectorContext
from detection.detectors.one_liner import RULES, Line, OneLiner, Rule
from detection.detectors.series import Above, Below, Crowd, Jump, MovingZ, Series, Silence
from detection.layout import Layout
from detection.spec import OperatorSpec
from sim.clock import DAY, HOUR, TICK
from sim.events import EVENT_TYPE, Block, Rows, Vocabulary

LAYOUT = Layout(Vocabulary(("DC1", "S0001", "S0002"), ("I1", "I2", "I3")))
CELL = Series("retail_selling", "phantom_stock", ("location", "item"), "quantity")
START = 20_000 * DAY


@pytest.fixture
def rows():
    """Sales of 400 ticks, several a tick, as one table."""
    draw = np.random.default_rng(3)
    size = 1500
    table = pd.DataFrame({
        "tick": np.sort(draw.integers(0, 400, size)), "location": draw.integers(1, 3, size),
        "item": draw.integers(0, 3, size), "quantity": draw.poisson(3, size),
    })
    return table.assign(event_id=np.arange(size), now=START + (table.tick + 1) * TICK)


def flagged(rule: Rule, table: pd.DataFrame) -> list[int]:
    """Row numbers that the rule cites, shown the rows tick by tick."""
    line, found = Line(rule, LAYOUT), []
    for tick in range(400):
        part = table[table.tick == tick]
        columns = {name: part[name].to_numpy() for name in ("event_id", "location", "item", "quantity")}
        blocks = (Block(EVENT_TYPE["retail_selling"], columns, len(part)),)
        found += [finding.evidence[0] for finding in line.step(START + (tick + 1) * TICK, Rows(blocks))]
    return found


def test_above_and_below_are_constants(rows):
    assert flagged(Rule(Above, CELL, 5), rows) == rows.event_id[rows.quantity > 5].to_list()
    assert flagged(Rule(Below, CELL, 1), rows) == rows.event_id[rows.quantity < 1].to_list()


def test_jump_is_the_difference_of_pandas(rows):
    gap = rows.groupby(["location", "item"]).quantity.diff().abs()
    assert flagged(Rule(Jump, CELL, 4), rows) == rows.event_id[gap > 4].to_list()


def test_crowd_is_the_count_of_pandas(rows):
    day = rows.now // DAY
    number = rows.groupby([day, "location", "item"]).cumcount() + 1
    found = flagged(Rule(Crowd, CELL, 20), rows)
    # Rows of one tick are counted together, so the rows of the tick that crosses the limit are cited.
    crossing = rows[number == 21].groupby([day, "location", "item"]).tick.first()
    cited = rows.set_index("event_id").loc[found]
    assert set(zip(cited.tick, cited.location, cited.item, strict=True)) == {
        (tick, key[1], key[2]) for key, tick in crossing.items()}
    assert len(crossing) > 3


def test_moving_z_is_the_recursion_in_a_loop(rows):
    table = rows.drop_duplicates(["tick", "location", "item"])
    mean, variance, seen, expected = {}, {}, {}, []
    for row in table.itertuples():
        key = (row.location, row.item)
        n, m, v = seen.get(key, 0), mean.get(key, 0.0), variance.get(key, 0.0)
        if n >= 8 and abs(row.quantity - m) / math.sqrt(v + 1e-9) > 2:
            expected.append(row.event_id)
        weight, delta = max(0.1, 1 / (n + 1)), row.quantity - m
        mean[key], variance[key], seen[key] = m + weight * delta, (1 - weight) * (v + weight * delta**2), n + 1
    assert len(expected) > 10
    assert flagged(Rule(MovingZ, CELL, 2), table) == expected


def test_silence_is_the_gap_to_the_next_row(rows):
    series = Series("retail_selling", "phantom_stock", ("location", "item"), "one")
    sparse = rows[rows.tick % 40 < 8]
    following = sparse.groupby(["location", "item"]).now.shift(-1)
    last = START + 400 * TICK
    quiet = (following.fillna(last + 1) - sparse.now > 5 * HOUR) & (sparse.now + 5 * HOUR < last)
    expected = sparse[quiet].drop_duplicates(["tick", "location", "item"], keep="last")
    assert sorted(flagged(Rule(Silence, series, 5), sparse)) == expected.event_id.to_list()
    assert len(expected) > 10


def test_a_document_that_got_what_it_waited_for_is_not_silent():
    line = Line(Rule(Silence, Series("departing", "transfer_delay", ("document_id",), "one", ("arriving",)), 6), LAYOUT)
    departing = Block(EVENT_TYPE["departing"], {"event_id": np.array([1, 2]), "document_id": np.array([70, 71])}, 2)
    arriving = Block(EVENT_TYPE["arriving"], {"event_id": np.array([3]), "document_id": np.array([70])}, 1)
    found = [*line.step(0, Rows((departing,))), *line.step(HOUR, Rows((arriving,))), *line.step(7 * HOUR, Rows())]
    assert [(finding.document_id, finding.evidence) for finding in found] == [(71, (2,))]


def test_there_are_about_two_hundred_and_each_once():
    assert 180 <= len(RULES) <= 260
    assert len({(rule.statistic, rule.series, rule.limit) for rule in RULES}) == len(RULES)
    assert len({str(rule) for rule in RULES}) >= len(RULES) - 20


@pytest.mark.parametrize("number", [-1, len(RULES)])
def test_a_number_that_is_no_rule_is_refused(number):
    with pytest.raises(ValueError, match="must be from 0 to"):
        OneLiner(DetectorContext(LAYOUT, OperatorSpec(parameters={"rule": float(number)}), 1))
