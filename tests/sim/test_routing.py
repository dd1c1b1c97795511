"""Routes and readings: what is declared of a wire is what is on it, and what a wrong master data makes of a line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim.events import DOCUMENT_TYPE, DOCUMENT_TYPES, INTERFACES, NO_CODE, NULL
from sim.middleware.messages import Messages
from sim.middleware.routing import BOXES, ROUTES
from sim.middleware.transformation import Transformation
from sim.world import RegionWorld
from tests.sim.small_world import play, small_config

ITEMS = 4


def _lines(items: list[int], units: list[int], document: str = "ticket") -> Messages:
    n = len(items)
    return Messages(
        location=np.zeros(n, np.int32), cell=np.array(items, np.int32), on_hand=np.array(units, np.int32),
        key=np.arange(n), sent_at=np.zeros(n, np.int64), document_id=np.arange(n),
        document_type=DOCUMENT_TYPE[document], code=0,
    )  # fmt: skip


def test_what_travels_on_a_wire_is_what_its_route_declares():
    config = small_config(stores=4, items=60, days=16)
    config.demand.online_share, config.demand.return_rate = 0.3, 0.2
    config.counting.dc_per_year, config.counting.dc_wrong_factor, config.returns.vendor_share = 300.0, 3.0, 0.5
    rows = play(config).rows
    declared = {(route.interface, kind) for route in ROUTES if route.by_document for kind in route.documents}
    posted = rows[(rows.event_type == "posting") & (rows.sequence != NULL)]
    pairs = posted[["interface", "document_type"]].drop_duplicates().to_numpy().tolist()
    seen = {(INTERFACES[interface], DOCUMENT_TYPES[kind]) for interface, kind in pairs}
    answered = {pair for pair in declared if pair[0].endswith("_erp")}
    # Nothing is declared that nobody sends.
    assert seen == answered


def test_there_is_one_feed_for_each_route():
    region = RegionWorld(small_config(stores=1, items=5, days=1), 1, 0).region
    assert {INTERFACES[feed.interface] for feed in region.feeds} == {route.interface for route in ROUTES}
    assert {INTERFACES[code] for code in region.mailboxes} == {box.interface for box in BOXES}
    for route in ROUTES:
        assert set(route.mapped) <= set(route.documents)
        feed = next(feed for feed in region.feeds if INTERFACES[feed.interface] == route.interface)
        assert (feed.beliefs, feed.by_document) == (route.beliefs, route.by_document)


def test_a_document_that_no_route_carries_is_refused_where_it_is_sent():
    channel = RegionWorld(small_config(stores=1, items=5, days=1), 1, 0).region.channels["pos"]
    with pytest.raises(ValueError, match="no route"):
        channel.send(_lines([1], [1], "count"))
    assert not channel.journal.next.any()


def test_cases_pass_for_eaches_where_a_conversion_is_wrong_and_only_there():
    reading = Transformation(np.array([1, 6, 12, 24]))
    item, units = np.array([0, 1, 2, 3, 2]), np.array([5, 30, 48, 7, 5], np.int32)
    assert reading.eaches(item, units).tolist() == units.tolist()
    for wrong in (2, 3):
        reading.break_conversion(wrong)
    assert reading.eaches(item, units).tolist() == [5, 30, 4, 1, 1]
    reading.mend_conversion(3)
    assert reading.eaches(item, units).tolist() == [5, 30, 4, 7, 1]


def test_erp_reads_an_article_with_two_records_on_the_second():
    reading, told = Transformation(np.ones(ITEMS, np.int64)), []
    reading.renamed.append(lambda right, wrong, units: told.append((right.tolist(), wrong.tolist(), units.tolist())))
    lines = _lines([1, 2, 1, ITEMS + 1], [-1, -1, -2, -3])
    assert reading.for_erp(lines) is lines
    reading.rename(1, 3)
    assert reading.number_of(1) == 3
    assert reading.for_erp(lines).cell.tolist() == [3, 2, 3, ITEMS + 3]
    assert told == [([1, 1, ITEMS + 1], [3, 3, ITEMS + 3], [-1, -2, -3])]
    others = replace(lines, cell=np.array([0, 2, 0, 2], np.int32))
    assert reading.for_erp(others) is others
    reading.rename(1, NO_CODE)
    assert reading.for_erp(lines) is lines
    assert len(told) == 1
