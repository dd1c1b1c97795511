"""Each scenario of the road shows what its first line says, at a size that runs in seconds.

What is asked here is of the world with its manual process alone; what an operator makes of it is asked elsewhere.
"""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pandas as pd
import pytest

from scenarios.compose import compose
from scenarios.groups import content, described, options
from sim.clock import DAY
from sim.events import CODE, NULL, STATUS
from sim.faults.types import BY_NAME, FAULTS
from tests.sim.small_world import Played, play

SIZE = ("world.stores=6", "world.items=100", "world.regions=1", "world.suppliers=12")
#: The one each focus is about, and how many times as many of it there are as in quickstart, at least.
FOCUS = {
    "receiving_variance": ("receiving_variance", 2.5),
    "negative_inventory": ("negative_inventory", 3.0),
    "phantom_stock": ("phantom_stock", 1.7),
    "transfer_delay": ("transfer_delay", 2.5),
}


@cache
def played(scenario: str, *words: str) -> Played:
    """One scenario, small, without operator."""
    return play(compose([f"scenario={scenario}", *SIZE, *words]))


@cache
def rows(scenario: str, *words: str) -> pd.DataFrame:
    """Its stream, with the day of each row."""
    run = played(scenario, *words)
    return run.rows.assign(day=lambda frame: (frame.available_at - run.world.room.calendar.start) // DAY)


def exceptions(scenario: str, *words: str) -> Counter[str]:
    return Counter(played(scenario, *words).truth.exceptions.type)


def test_there_are_thirteen_and_ambient_and_quickstart() -> None:
    assert len(options("scenario")) == 15
    assert all(len(line) > 40 and line.endswith(".") for line in described("scenario").values())


@pytest.mark.parametrize("scenario", FOCUS)
def test_a_focus_has_much_more_of_its_exception_and_as_usual_of_the_others(scenario: str) -> None:
    name, times = FOCUS[scenario]
    usual, focused = exceptions("quickstart"), exceptions(scenario)
    assert focused[name] >= max(5, times * usual[name])
    assert focused["price_mismatch"] == usual["price_mismatch"]


def test_fashion_peak_meets_its_season_with_strange_cartons_and_late_postings() -> None:
    words = ("world.days=21", "world.start=2026-11-16", "demand.peak_from_day=10", "demand.peak_days=5")
    stream = rows("fashion_peak", *words)
    sold = stream[stream.event_type == "retail_selling"].groupby("day").quantity.sum()
    assert sold.loc[10:14].mean() > 1.7 * sold.loc[0:6].mean()
    assert exceptions("fashion_peak", *words)["posting_lag"] > 5
    assert exceptions("fashion_peak", *words)["carton_mismatch"] > 2


def test_grocers_pick_online_orders_in_the_shop_and_substitute() -> None:
    stream = rows("grocery_fulfilment")
    promised = stream[(stream.event_type == "reserving") & (stream.status == STATUS["promised"])]
    assert len(promised) > 1000
    # The DC helps out with what the shop has none of.
    assert (promised.location > 0).mean() > 0.9
    assert (stream.event_type == "substituting").sum() > 20
    shorts = played("grocery_fulfilment").exceptions("short_pick")
    assert shorts.groupby(["location", "item"]).size().max() >= 3, "short again and again: a shelf, not demand"


def test_most_sales_of_the_omnichannel_chain_are_online_and_many_come_back() -> None:
    stream = rows("omnichannel_returns")
    online = stream[(stream.event_type == "reserving") & (stream.status == STATUS["promised"])].quantity.sum()
    tills = stream[stream.event_type == "retail_selling"].quantity.sum()
    assert 0.5 < online / (online + tills) < 0.7
    # The platforms' cage and the shops' both fill with what nobody has looked at.
    usual = exceptions("quickstart")["missing_disposition"]
    assert exceptions("omnichannel_returns")["missing_disposition"] > 1.5 * usual


def test_an_upgrade_breaks_schemas_and_delays_postings_from_its_day_on() -> None:
    run = played("erp_cutover")
    for name in ("schema_drift", "posting_lag"):
        days = [run.day_of(at) for at in run.faults(name).onset]
        assert len(days) > 3, name
        assert min(days) >= 8, name
    # Under the canonical model what would break a schema is refused at its source.
    stream = rows("erp_cutover")
    dead = stream[(stream.event_type == "dead_letter") & (stream.code == CODE["schema"])]
    drifts = run.exceptions("schema_drift")
    assert len(dead) > 10
    # A mapping may break days before the first document that it rejects.
    assert len(drifts)
    assert all(run.day_of(at) < 18 for at in run.faults("schema_drift").onset)
    without = played("erp_cutover", "middleware.canonical_from_day=null").exceptions("schema_drift")
    assert len(without) > len(drifts)


def test_items_come_and_go_on_the_day_of_the_change() -> None:
    stream = rows("assortment_change")
    records = stream[stream.event_type == "master_data"]
    launched, retired = (records[records.status == STATUS[word]] for word in ("launched", "retired"))
    assert min(len(launched), len(retired)) >= 5
    sold = stream[stream.event_type == "retail_selling"]
    # What is new is announced and ordered a week ahead, and on sale from the day.
    assert launched.day.max() < 14
    assert sold[sold.item.isin(launched.item)].day.min() >= 13
    assert sold[sold.item.isin(launched.item)].day.max() > 20
    assert set(retired.day) <= {13, 14}
    before, after = ((sold.item.isin(retired.item) & (sold.day < 14)).sum(),
                     (sold.item.isin(retired.item) & (sold.day >= 16)).sum())
    assert after < 0.5 * before


def test_a_storm_breaks_loose_in_its_four_days() -> None:
    stream, run = rows("integration_storm"), played("integration_storm")
    # A mailbox that nobody knocks at tells by its probe that it is down.
    is_down = (stream.event_type == "telemetry") & (stream.status == STATUS["unavailable"])
    retries = stream[(stream.event_type == "retrying") | is_down].groupby("day").size().reindex(range(28), fill_value=0)
    assert retries.loc[10:14].mean() > 10 * max(1.0, retries.loc[0:9].mean())
    for name in ("api_outage", "dropped_message", "duplicate_message"):
        days = [run.day_of(at) for at in run.faults(name).onset]
        assert days, name
        # What was sent before midnight may be posted twice after it.
        assert set(days) <= set(range(10, 15)), name
        assert days.count(14) < 0.1 * len(days), name


def test_calm_has_every_confounder_and_nothing_else() -> None:
    run = played("calm")
    assert run.faults().empty
    assert run.exceptions().empty
    assert len(run.entries()) == 0
    confounders = {"promotion_spike", "seasonal_peak", "planned_maintenance", "valid_late_update", "store_closing"}
    assert confounders <= set(run.truth.decoys.kind)


def test_ambient_has_everyday_error_and_no_mechanism_that_strikes() -> None:
    run = played("ambient")
    everyday = {name for name, entry in BY_NAME.items() if entry.ambient}
    assert set(run.truth.faults.type) <= everyday | {"repair"}
    assert {"phantom_stock", "count_variance"} <= set(run.truth.exceptions.type)
    assert set(content("faults", "ambient")) >= everyday & set(FAULTS)


def test_a_national_chain_is_many_regions_and_its_regions_are_worlds_of_their_own() -> None:
    experiment = compose(["scenario=national_chain"])
    assert (experiment.world.regions, experiment.world.stores, experiment.record) == (8, 400, "summary")
    small = compose(["scenario=national_chain", "world.stores=8", "world.items=30", "world.days=3",
                     "demand.peak_days=0"])
    first, last = (play(small, region=region).world for region in (0, 7))
    assert first.room.vocabulary.locations == ("DC1", "S0001")
    assert last.room.vocabulary.locations == ("DC8", "S0008")
    assert first.stream_hash != last.stream_hash


@pytest.mark.campaign
def test_poor_observability_loses_what_it_says_and_no_business_row() -> None:
    seen, usual = rows("observability"), rows("quickstart")
    sold = [frame[frame.event_type == "retail_selling"] for frame in (seen, usual)]
    assert np.array_equal(sold[0].event_id, sold[1].event_id)
    assert (sold[0].correlation_id == NULL).mean() == pytest.approx(0.3, abs=0.02)
    assert (sold[1].correlation_id == NULL).mean() == 0
    told = [(frame.event_type == "telemetry").sum() for frame in (seen, usual)]
    assert told[0] / told[1] == pytest.approx(0.7, abs=0.03)
    assert exceptions("observability") == exceptions("quickstart")
