"""What customers want, against what the literature says it looks like."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sim.catalogue import make_calendar, make_catalogue
from sim.clock import DAY, HOUR, TICK, TICKS_PER_DAY, weekday_of
from sim.config import Config
from sim.demand import SyntheticDemand
from tests.sim.small_world import play, quiet_config, small_config

STORES, ITEMS, DAYS = 12, 80, 56


def _flat(**demand: float) -> Config:
    """A chain whose stores and days are all alike, so that every cell-day of an item is one distribution."""
    config = Config()
    config.world.stores, config.world.items, config.world.days = STORES, ITEMS, DAYS
    config.demand.weekday = [1.0] * 7
    config.demand.peak_days = 0
    config.demand.store_sigma = 0.0
    config.demand.online_share = 0.0
    for name, value in demand.items():
        setattr(config.demand, name, value)
    return config


def _daily(config: Config, seed: int = 1) -> np.ndarray:
    """Units wanted at the tills, shape (days, stores, items)."""
    demand = SyntheticDemand(config, make_catalogue(config, seed), seed, 0, config.world.stores)
    start = make_calendar(config).start
    out = np.zeros((config.world.days, config.world.stores, config.world.items), np.int64)
    for day in range(config.world.days):
        for slot in range(TICKS_PER_DAY):
            tick = demand.tick(start // TICK + day * TICKS_PER_DAY + slot)
            np.add.at(out[day], (tick.store - 1, tick.item), tick.quantity)
    return out


@pytest.fixture(scope="module")
def alike() -> tuple[np.ndarray, np.ndarray]:
    """Daily units with one line a basket, and the true mean of each item."""
    config = _flat(basket_lines=1.0)
    return _daily(config), make_catalogue(config, 1).popularity * config.world.daily_units


def _negative_binomial(mean: float, p: float):
    """The law of a Poisson number of logarithmic quantities with parameter p (Quenouille 1949)."""
    return stats.nbinom(mean * (1.0 - p) / p, 1.0 - p)


def test_daily_demand_is_negative_binomial(alike):
    daily, mean = alike
    p_values = []
    for item in np.argsort(-mean)[:40]:
        seen = daily[:, :, item].ravel()
        law = _negative_binomial(mean[item], Config().demand.quantity_log)
        # Classes of at least eight expected counts; the last holds the tail.
        bound = int(law.ppf(1.0 - 8.0 / len(seen)))
        expected = np.append(law.pmf(np.arange(bound)), law.sf(bound - 1)) * len(seen)
        expected[-1] = len(seen) - expected[:-1].sum()
        counts = np.bincount(np.minimum(seen, bound), minlength=bound + 1)
        p_values.append(stats.chisquare(counts, expected).pvalue)
    # Forty independent tests under the law have uniform p-values.
    assert min(p_values) > 1e-4
    assert stats.kstest(p_values, "uniform").pvalue > 0.01


def test_a_poisson_would_not_do(alike):
    daily, mean = alike
    item = int(np.argmax(mean))
    seen = daily[:, :, item].ravel()
    counts = np.bincount(seen, minlength=20)[:12]
    expected = stats.poisson(mean[item]).pmf(np.arange(12))
    assert stats.chisquare(counts, expected / expected.sum() * counts.sum()).pvalue < 1e-4


def test_mean_variance_and_zero_share(alike):
    daily, mean = alike
    p = Config().demand.quantity_log
    cells = daily.reshape(-1, ITEMS)
    error = np.sqrt(mean / (1.0 - p) / len(cells))
    assert np.abs((cells.mean(axis=0) - mean) / error).max() < 4.0
    assert cells.mean() == pytest.approx(mean.mean(), rel=0.02)
    ratio = cells.var(axis=0).sum() / cells.mean(axis=0).sum()
    assert ratio == pytest.approx(1.0 / (1.0 - p), rel=0.04)
    zero = np.mean([_negative_binomial(m, p).pmf(0) for m in mean])
    assert (cells == 0).mean() == pytest.approx(zero, abs=0.01)


def test_default_demand_is_mostly_zero():
    # Real baskets hold several lines; with many items that hardly shows per item. M5: about 68% zero days.
    config = _flat()
    config.world.items, config.world.days = 400, 14
    cells = _daily(config).reshape(-1, 400)
    assert 0.60 < (cells == 0).mean() < 0.76
    p = config.demand.quantity_log
    assert cells.var(axis=0).sum() / cells.mean(axis=0).sum() == pytest.approx(1.0 / (1.0 - p), rel=0.08)


def test_weekdays_and_peak():
    config = _flat(basket_lines=1.0, peak_days=4, peak_from_day=14, peak_factor=1.6)
    config.demand.weekday = [0.7, 0.8, 0.9, 1.0, 1.1, 1.3, 1.2]
    by_day = _daily(config).sum(axis=(1, 2)).astype(float)
    start = make_calendar(config).start
    weekday = np.array([weekday_of(start + day * DAY) for day in range(DAYS)])
    peak = np.zeros(DAYS, bool)
    peak[14:18] = True
    index = np.array([by_day[(weekday == k) & ~peak].mean() for k in range(7)])
    assert index / index.mean() == pytest.approx(np.array(config.demand.weekday), rel=0.06)
    usual = by_day[~peak].mean() * np.array(config.demand.weekday)[weekday[peak]].mean()
    assert by_day[peak].mean() / usual == pytest.approx(1.6, rel=0.05)


def test_hours_follow_the_calendar():
    played = play(quiet_config(stores=4, items=40, days=7))
    calendar = played.world.room.calendar
    sales = played.of("retail_selling")
    hours = np.bincount(((sales.occurred_at % DAY) // HOUR).to_numpy(), minlength=24).astype(float)
    share = calendar.tick_share.reshape(24, -1).sum(axis=1)
    assert hours[: calendar.opens].sum() == hours[calendar.closes :].sum() == 0
    open_hours = slice(calendar.opens, calendar.closes)
    expected = share[open_hours] * hours.sum()
    assert stats.chisquare(hours[open_hours], expected * hours.sum() / expected.sum()).pvalue > 1e-4


def test_demand_does_not_look_at_stock():
    config = _flat()
    catalogue = make_catalogue(config, 1)
    one, other = (SyntheticDemand(config, catalogue, 1, 0, STORES) for _ in range(2))
    tick = make_calendar(config).start // TICK + 60
    other.tick(tick + 5)
    first, second = one.tick(tick), other.tick(tick)
    for name in ("store", "basket", "item", "quantity", "offset", "bits"):
        assert (getattr(first, name) == getattr(second, name)).all()


def test_grocery_baskets_are_few_lines_or_very_many():
    """Lognormal lines: the mean is well above the median, as in the Complete Journey log (9.4, 5, 24)."""
    config = _flat(basket_lines=9.4, basket_sigma=1.12)
    demand = SyntheticDemand(config, make_catalogue(config, 1), 1, 0, STORES)
    start = make_calendar(config).start // TICK
    lines = []
    for tick in range(start, start + 4 * TICKS_PER_DAY):
        rows = demand.tick(tick)
        lines.append(np.unique((rows.store.astype(np.int64) << 16) | rows.basket, return_counts=True)[1])
    counts = np.concatenate(lines)
    assert counts.mean() == pytest.approx(9.4, rel=0.2)
    assert np.median(counts) == pytest.approx(5.0, abs=1.0)
    assert np.quantile(counts, 0.9) == pytest.approx(24.0, rel=0.2)


def test_the_tills_are_tallied_as_their_rows_say():
    config = small_config(stores=4, items=120, days=8)
    played = play(config)
    sales, gauges = played.of("retail_selling"), played.world.room.gauges
    # Rows of the last minutes of a day come later than its end, and no shop is open then.
    tallies = {name: table[0] for name, table in gauges._tallies.items()}
    lines = np.bincount(sales["item"], minlength=len(tallies["lines_of_item"]))
    assert (tallies["lines_of_item"][: len(lines)] == lines).all()
    week = np.bincount([weekday_of(at) for at in sales.recorded_at], minlength=7)
    assert (tallies["lines_of_weekday"][:7] == week).all()
    baskets = np.bincount(sales.groupby("document_id").size())
    assert (tallies["basket_lines"][: len(baskets)] == baskets).all()
    count, zero = gauges._ratios["zero_days"]
    day = (sales.recorded_at - played.world.room.calendar.start) // DAY
    seen = len(sales.assign(day=day).drop_duplicates(["day", "location", "item"]))
    assert count == 8 * 4 * 119
    assert zero == count - seen
    lines_all, wrong = gauges._ratios["wrong_price"]
    assert lines_all == len(sales)
    assert 0 < wrong < 0.1 * lines_all
