"""The books and the stock that a run opens with: the steady state of a chain that has traded for years.

Books stand where replenishment left them, between s and s + Q. The stock under them is what the books
say less what went wrong since each cell's last count, by the run's own error processes over the
run's own calendar of counts: goods lost, lines rung up as a sibling item in both directions, and the
mistakes of that last count. ``physical = max(0, belief - drift)``; nothing is set to a target.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.catalogue import SIBLINGS, till_care
from sim.config import Config
from sim.draws import Purpose, keyed, philox
from sim.ledger import Cause
from sim.room import Room
from sim.rules import NEVER

#: Most of an item's lines that one shop rings up wrong. Assumption.
SHARE_MOST = 0.25

F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]


def count_calendar(room: Room) -> tuple[I64, I64]:
    """Days between the scheduled counts of each cell, and its phase, both of shape (cells,).

    A cell is due on day d where (phase + d) % interval is 0.
    """
    counting = room.config.counting
    by_class = np.maximum(1, np.round(365.0 / np.asarray(counting.per_year))).astype(np.int64)
    interval = np.tile(by_class[room.catalogue.count_class], room.locations)
    interval[: room.items] = max(1, round(365.0 / counting.dc_per_year))
    cells = np.arange(room.ledger.cells, dtype=np.int64)
    phase = (keyed(room.seed, Purpose.COUNT, room.region, cells) >> np.uint64(33)).astype(np.int64)
    return interval, phase % interval


def scan_share(room: Room) -> F64:
    """Share of the till lines of each cell that are rung up as a sibling item; shape (locations, items)."""
    share = room.plan.rate("scan_error") * till_care(room.seed, room.region, room.stores)[:, None]
    share = share * room.catalogue.scan_factor * room.plan.reaches("scan_error", room.locations, room.items)
    # What goes wrong more often than that somebody puts right at the till, unless the fault is turned up.
    most: F64 = np.minimum(share, max(SHARE_MOST, room.plan.rate("scan_error")))
    return most


def reorder_points(config: Config, rate: F64) -> I32:
    """S of the (R, s, nQ) rule: demand over review and lead time, and safety stock; shape of ``rate``.

    What nobody wants is never ordered.
    """
    replenishment = config.replenishment
    days = replenishment.cover_days + replenishment.review_days
    expected = rate * days
    # A logarithmic line quantity with parameter p has variance-to-mean 1 / (1 - p) in daily demand.
    spread = np.sqrt(expected / (1.0 - config.demand.quantity_log))
    points: I32 = np.ceil(expected + replenishment.safety_factor * spread).astype(np.int32)
    dc_days = replenishment.dc_cover_days + replenishment.lead_days_median
    pooled = rate[1:].sum(axis=0)
    points[0] = np.ceil(pooled * dc_days + replenishment.dc_safety_factor * np.sqrt(pooled * dc_days) * 2.0)
    points[:, pooled == 0.0] = NEVER
    return points


def stock(room: Room, rate: F64, capacity: I32) -> None:
    """Open the ledger: books by the rule of replenishment, and the physical stock that drift has left under them."""
    draw = philox(room.seed, Purpose.OPENING, room.region)
    catalogue, items = room.catalogue, room.items
    point = room.economy.reorder_point.reshape(rate.shape)
    lot = np.tile(catalogue.pack, (room.locations, 1))
    lot[0] = np.maximum(catalogue.case, rate[1:].sum(axis=0) * room.config.replenishment.dc_review_days)
    book = np.where(point == NEVER, 0, point + np.floor(draw.random(rate.shape) * lot)).astype(np.int32)
    drift = _drift(room, rate, book)
    short = np.maximum(0, drift.sum(axis=0) - book)
    for cause in Cause:
        # Nothing is lost that was not there.
        less = np.minimum(short, np.maximum(0, drift[cause]))
        drift[cause] -= less
        short -= less
    physical = (book - drift.sum(axis=0)).ravel().astype(np.int32)
    shelf = np.minimum(physical, capacity)
    shelf[:items] = 0
    room.ledger.open_with(shelf, physical - shelf, drift.reshape(len(Cause), -1))


def _drift(room: Room, rate: F64, book: I32) -> I32:
    """Error since each cell's last count, by cause; shape (causes, locations, items).

    The lines of an item come as a Poisson number of logarithmic quantities, so the units of those that were
    rung up wrong are negative binomial.
    """
    config, catalogue = room.config, room.catalogue
    faults = config.faults
    interval, phase = count_calendar(room)
    age = np.where(phase == 0, interval, phase).reshape(rate.shape) * faults.opening_drift
    draw = philox(room.seed, Purpose.OPENING, room.region, 2)
    drift = np.zeros((len(Cause), *rate.shape), np.int32)
    reached = room.plan.reaches("shrink", *rate.shape)
    drift[Cause.SHRINK] = draw.poisson(rate * age * room.plan.rate("shrink") * catalogue.shrink_factor * reached)
    rung_up = rate * (1.0 - config.demand.online_share) * scan_share(room)
    instead = np.zeros_like(rung_up)
    for step in range(SIBLINGS):
        np.add.at(instead.T, catalogue.siblings[:, step], rung_up.T / SIBLINGS)
    p = config.demand.quantity_log
    for lines, sign in ((rung_up, 1), (instead, -1)):
        shape = lines * age * (1.0 - p) / p
        some = shape > 0.0
        drift[Cause.SCAN_ERROR][some] += sign * draw.negative_binomial(shape[some], 1.0 - p).astype(np.int32)
    wrong = draw.random(rate.shape) < room.plan.rate("count_variance") * min(faults.opening_drift, 1.0)
    wrong[0] = False
    wrong &= book > 0
    gross = draw.random(rate.shape) < faults.count_variance.magnitude
    most = np.where(gross, np.maximum(3.0, book / 2.0), 2.0)
    least = np.where(gross, 3.0, 1.0)
    size = np.floor(least + draw.random(rate.shape) * (most - least + 1.0)).astype(np.int32)
    drift[Cause.MISCOUNT] = np.where(wrong, np.where(draw.random(rate.shape) < 0.5, size, -size), 0)
    return drift
