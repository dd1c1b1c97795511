"""Small worlds for tests: one region with chosen faults, an operator that follows a rule, and the rows as a table.

A *quiet* world has no fault, no ambient error and no drift; its people take months for a case and nobody
counts by schedule, so whatever is mended was mended by the test's operator. A test then switches on
the one mechanism that it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from scenarios.audit.played import Onlooker
from scenarios.audit.played import Played as Seen
from scenarios.groups import content
from sim.actions import Action
from sim.clock import DAY
from sim.config import Config, Faults
from sim.draws import WORLD_IDS
from sim.events import COLUMNS, Rows
from sim.faults.types import FAULTS
from sim.world import RegionWorld

#: What an operator answers to a row: fields of an action, or None to let it pass.
Answer = Callable[[dict[str, Any], int], dict[str, Any] | None]


def usual_faults() -> Faults:
    """Every mechanism at the rate that ``faults=standard`` gives it."""
    faults = Faults()
    for name, values in content("faults", "standard").items():
        for key, value in values.items():
            setattr(getattr(faults, name), key, value)
    return faults


def small_config(stores: int = 3, items: int = 30, days: int = 8, **rates: float) -> Config:
    """A world of a second with every fault at its default rate, but for those given."""
    config = Config(faults=usual_faults())
    config.world.stores, config.world.items, config.world.days = stores, items, days
    config.world.suppliers, config.world.categories = 6, 4
    config.replenishment.lead_days_median = 1.0
    for name, rate in rates.items():
        getattr(config.faults, name).rate = rate
    return config


def quiet_config(stores: int = 3, items: int = 30, days: int = 8, **rates: float) -> Config:
    """A world in which only the given faults act and people mend nothing by themselves."""
    config = small_config(stores, items, days, **(dict.fromkeys(FAULTS, 0.0) | rates))
    config.faults.opening_drift = 0.0
    config.counting.missed_cutoff_rate = 0.0
    config.counting.per_year, config.counting.dc_per_year = [0.001, 0.001, 0.001], 0.001
    config.middleware.valid_late_rate = config.middleware.redelivery_rate = config.middleware.legacy_share = 0.0
    config.confounders.maintenance_rate = config.finance.invoice_error_rate = 0.0
    suppliers = config.suppliers
    suppliers.portal_share = suppliers.shortage_rate = suppliers.overtaken_rate = 0.0
    suppliers.quantity_change_rate = suppliers.price_change_rate = 0.0
    # Errors that come alone, so that their number is binomial.
    suppliers.troubled_share = 1.0
    config.people.service_minutes_median, config.people.service_sigma = 1e6, 0.0
    return config


def acting_alone(config: Config) -> Config:
    """The same world, whose operator may change stock records with nobody's approval."""
    config.people.operator_acts_alone = True
    return config


@dataclass
class Watcher(Onlooker):
    """Keeps every row it is shown, and answers as it was told.

    Attributes:
        answer: asked for each new row of :attr:`heeds`, as (row, now).
        heeds: event types that it looks at.
        after: called at the end of each tick as (now); its actions are fields too.
        asked: the actions it has asked for.
    """

    answer: Answer | None = None
    heeds: tuple[str, ...] = ()
    after: Callable[[int], list[dict[str, Any]]] | None = None
    asked: list[Action] = field(default_factory=list)

    def step(self, now: int, rows: Rows) -> list[Action]:
        """See :data:`sim.world.Step`."""
        self.blocks.extend(rows)
        wanted: list[dict[str, Any]] = []
        if self.answer is not None:
            for name in self.heeds:
                for block in rows.of(name):
                    for row in _dictionaries(block):
                        answer = self.answer(row, now)
                        wanted += [] if answer is None else [answer]
        if self.after is not None:
            wanted += self.after(now)
        first = WORLD_IDS + len(self.asked)
        actions = [Action(first + n, WORLD_IDS, requested_at=now, **fields) for n, fields in enumerate(wanted)]
        self.asked += actions
        return actions


def _dictionaries(block: Any) -> Iterator[dict[str, Any]]:
    columns = {name: block.get(name) for name in COLUMNS if name != "event_type"}
    for row in range(len(block)):
        yield {name: values[row].item() for name, values in columns.items()}


@dataclass
class Played(Seen):
    """A world that was run, and what was seen of it."""

    watcher: Watcher

    def exceptions(self, type_name: str | None = None) -> pd.DataFrame:
        """The exceptions, with their number; of one type where it is given."""
        table = pd.DataFrame(vars(self.truth.exceptions))
        table["number"] = np.arange(len(table))
        return table if type_name is None else table[table.type == type_name]

    def entries(self) -> pd.DataFrame:
        """The ledger's named entries."""
        columns = ("fault", "belief", "cell", "units", "rest", "opened_at", "cleared_at", "cleared_by")
        return pd.DataFrame({name: getattr(self.world.room.ledger.entries, name) for name in columns}, dtype="int64")

    def wrong_repairs(self) -> pd.DataFrame:
        """Entries that repairs opened: what they put wrong."""
        entries, faults = self.entries(), self.faults("repair")
        return entries[entries.fault.isin(faults.number)]

    def outcomes(self) -> dict[int, str]:
        """Action id -> refused reason, or "" where it was done."""
        log = self.world.desk.log
        return {a.action_id: reason for a, reason in zip(log.action, log.refused_reason, strict=True)}

    def day_of(self, time: int) -> int:
        return (time - self.world.room.calendar.start) // DAY


def play(config: Config, seed: int = 1, region: int = 0, watcher: Watcher | None = None) -> Played:
    """Run one region to its end."""
    watcher = watcher or Watcher()
    world = RegionWorld(config, seed, region)
    world.run(watcher.step)
    return Played(world, watcher)
