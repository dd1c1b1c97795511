"""Where and when things are to happen: places, items and days that have to exist in the run.

A mechanism that is off, and a change that touches nothing, may name any day: it is never asked. A scenario whose
own days lie after its end is refused. Where the command line makes the run shorter, those days are just not reached,
and the command says so (:func:`not_reached`); what the command line itself says must lie within the run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator

from scenarios.errors import UserError, choices
from scenarios.schema import Experiment
from sim.clock import DAY, parse_date, to_datetime
from sim.config import Demand, Fault, Faults
from sim.faults.types import BY_NAME


def locations(experiment: Experiment) -> set[str]:
    """Names of the DCs and stores of the chain."""
    world = experiment.world
    stores = {f"S{number:04d}" for number in range(1, world.stores + 1)}
    return stores | {f"DC{number}" for number in range(1, min(world.regions, world.stores) + 1)}


def check_windows(experiment: Experiment, days: int, said: Collection[str] = ()) -> None:
    """Refuse days outside the run, windows that are empty, and names that are nowhere.

    Args:
        experiment: sound in every single number.
        days: length of the run.
        said: keys that the command line sets.

    Raises:
        UserError: naming the key.
    """
    for entry in dataclasses.fields(experiment.faults):
        fault = getattr(experiment.faults, entry.name)
        if isinstance(fault, Fault):
            _check_window(f"faults.{entry.name}", fault)
            _check_shape(entry.name, fault)
            _check_only(entry.name, fault, experiment)
    is_shortened = not {"world.days", "world.end"}.isdisjoint(said)
    for key, day, otherwise in _late_days(experiment, days):
        if not is_shortened or any(key == word or key.startswith(f"{word}.") for word in said):
            rest = f"; {otherwise}" if otherwise else ""
            raise UserError(f"{key}={day}: lies after the run, whose days are 0 to {days - 1}{rest}")
    _check_pilot(experiment, days)
    confounders = experiment.confounders
    if confounders.closing_stores >= experiment.world.stores:
        raise UserError(f"confounders.closing_stores={confounders.closing_stores}: must be below "
                        f"world.stores={experiment.world.stores}: one has to stay open")


def not_reached(experiment: Experiment) -> list[str]:
    """Days of a sound experiment that lie after its run, as ``key=day``."""
    return [f"{key}={day}" for key, day, _ in _late_days(experiment, experiment.world.days)]


def _late_days(experiment: Experiment, days: int) -> Iterator[tuple[str, int, str]]:
    """Keys of days that somebody set and that lie after a run, each with its day and how to do without."""
    assortment, confounders, demand = experiment.assortment, experiment.confounders, experiment.demand
    # The season that every world has by default just does not come in a run that ends before it.
    has_season = demand.peak_days and demand.peak_from_day != Demand().peak_from_day
    changes = assortment.launched_share + assortment.retired_share > 0
    faults = [(name, getattr(experiment.faults, name)) for name in vars(experiment.faults)]
    named: list[tuple[str, int | None, str]] = [
        *((f"faults.{name}.from_day", fault.from_day, "") for name, fault in faults
          if isinstance(fault, Fault) and fault.rate > 0),
        ("middleware.canonical_from_day", experiment.middleware.canonical_from_day, "null for never"),
        ("demand.peak_from_day", demand.peak_from_day if has_season else None, "demand.peak_days=0 for no season"),
        ("assortment.day", assortment.day if changes else None, ""),
        ("confounders.closing_day", confounders.closing_day if confounders.closing_stores else None, ""),
    ]
    yield from ((key, day, otherwise) for key, day, otherwise in named if day is not None and day >= days)


def _check_window(key: str, fault: Fault) -> None:
    if fault.until_day is not None and fault.until_day <= fault.from_day:
        raise UserError(f"{key}.until_day={fault.until_day}: must be after {key}.from_day={fault.from_day}")


def _check_pilot(experiment: Experiment, days: int) -> None:
    """Automation that would never be switched on."""
    pilot, first = experiment.pilot, parse_date(experiment.world.start)
    last = first + (days - 1) * DAY
    shown = " to ".join(to_datetime(day).date().isoformat() for day in (first, last))
    if pilot.start is not None and parse_date(pilot.start) > last:
        raise UserError(f"pilot.start={pilot.start}: lies after the run, whose days are {shown}")
    if pilot.end is not None and parse_date(pilot.end) < first:
        raise UserError(f"pilot.end={pilot.end}: lies before the run, whose days are {shown}")


def _check_shape(name: str, fault: Fault) -> None:
    """What scales or lasts in no mechanism of this type must stay as it is: it would be read by nobody."""
    usual, kind = Faults(), BY_NAME[name]
    for field, means in (("magnitude", kind.magnitude_unit), ("hours", kind.duration), ("sigma", kind.duration)):
        given = getattr(fault, field)
        if not means and given != getattr(getattr(usual, name), field):
            raise UserError(f"faults.{name}.{field}={given:g}: this type has none; see stocktwin list faults")


def _check_only(name: str, fault: Fault, experiment: Experiment) -> None:
    if not fault.only:
        return
    world, entry = experiment.world, BY_NAME[name]
    stands = {"any": ("S", "DC"), "shop": ("S",), "dc": ("DC",)}[entry.places]
    names = {
        "location": {place for place in locations(experiment) if place.startswith(stands)},
        "item": {f"I{number:05d}" for number in range(1, world.items + 1)},
        "supplier": {f"V{number:03d}" for number in range(1, world.suppliers + 1)},
        "interface": set(entry.interfaces),
    }
    kinds = entry.confined_to
    if not kinds:
        raise UserError(f"faults.{name}.only={fault.only[0]}: this type acts everywhere and cannot be confined")
    known = set().union(*(names[kind] for kind in kinds))
    for given in fault.only:
        if given not in known:
            raise UserError(f"faults.{name}.only={given}: no {' or '.join(kinds)} that this type strikes; "
                            f"{choices(known, given, shown_max=6)}")
