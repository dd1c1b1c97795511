"""The default operator in a small world: what it raised, what it asked for, and what that did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from detection.layout import Layout
from detection.pipeline import Operator, build
from detection.policy import find_policy
from scenarios.operator_spec import operator_spec
from scenarios.schema import Experiment
from sim.config import Config
from sim.world import RegionWorld
from tests.sim.small_world import Played, Watcher, quiet_config

#: The subject of an exception or an alert.
SUBJECT = ("location", "item", "document_id", "interface", "sequence")


@dataclass
class Operated:
    """A world that an operator looked after."""

    played: Played
    operator: Operator

    def table(self, name: str) -> pd.DataFrame:
        """One of the operator's tables."""
        return pd.DataFrame(self.operator.records()[name])

    def alerts(self, type_name: str) -> pd.DataFrame:
        alerts = self.table("alerts")
        return alerts[alerts.type == type_name]

    def found(self, type_name: str, *names: str) -> tuple[set[Any], set[Any]]:
        """The subjects of a type's exceptions, and those of its alerts, by some of their columns."""
        exceptions, alerts = self.played.exceptions(type_name), self.alerts(type_name)
        return tuple(set(zip(*(table[name] for name in names), strict=True)) for table in (exceptions, alerts))

    def asked(self, outcome: str = "done") -> set[str]:
        """Kinds of the actions that ended so."""
        actions = self.table("actions")
        return set(actions.kind[actions.outcome == outcome])


def eager_config(stores: int = 4, items: int = 40, days: int = 8, **rates: float) -> Config:
    """A quiet world whose people work fast for the operator, and find nothing by themselves for a while."""
    config = quiet_config(stores, items, days, **rates)
    config.people.service_minutes_median = 10.0
    config.demand.online_share = 0.2
    return config


def operate(
    config: Config, seed: int = 1, policy: str = "deterministic", classifier: str = "fitted", **settings: Any
) -> Operated:
    """Run one region under the default operator, with some keys of its policy set."""
    experiment = Experiment(**{name: getattr(config, name) for name in vars(config)})
    experiment.policy.name, experiment.classifier.name = policy, classifier
    for name, value in settings.items():
        setattr(experiment.policy, name, value)
    experiment.people.operator_acts_alone = not find_policy(policy).asks
    world = RegionWorld(experiment, seed, 0)
    vocabulary = world.room.vocabulary
    layout = Layout(vocabulary, config.world.opens, config.world.closes, "R1")
    operator = build(operator_spec(experiment, vocabulary.locations), layout, seed)
    watcher = Watcher()

    def step(now: int, rows: Any) -> list[Any]:
        watcher.step(now, rows)
        actions = operator.step(now, rows)
        watcher.asked += actions
        return actions

    world.run(step)
    return Operated(Played(world, watcher), operator)
