"""Whatever the vocabulary can say is said sometimes: a word that never occurs is a path that nothing tests.

A handful of small worlds is pooled: a new word has to be made to occur. What the default operator does not ask
for stands in a list of its own, and the list is exact.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import pytest

from detection.layout import Layout
from detection.pipeline import build
from scenarios.operator_spec import operator_spec
from scenarios.schema import Experiment
from sim.actions import KINDS, Action
from sim.clock import HOUR, TICK
from sim.config import Config
from sim.events import CODES, DOCUMENT_TYPES, EVENT_TYPES, INTERFACES, SOURCES, STATUSES, Rows
from sim.faults.types import BY_NAME, EXCEPTIONS, FAULTS
from sim.truth import REPAIR
from sim.world import RegionWorld
from tests.sim.any_world import meddler
from tests.sim.message_words import busy_config
from tests.sim.small_world import Played, Watcher, play, quiet_config, small_config

#: What the default operator's plans do not hold in these worlds; the meddler asks for them.
NOT_OF_THE_OPERATOR = {"cancel", "escalate", "post_return", "release_block", "resync", "reverse", "scrap", "substitute",
                       "wait"}


@dataclass
class Seen:
    """How often each word occurred in the pooled worlds."""

    words: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in (
        "event_type", "status", "code", "document_type", "source", "interface", "fault", "exception", "decoy", "done",
        "refused", "asked_by_operator")})

    def add(self, played: Played, by_operator: list[Action]) -> None:
        """Count one world."""
        rows = played.rows
        self.words["event_type"].update(rows.event_type)
        for name, strings in (("status", STATUSES), ("code", CODES), ("document_type", DOCUMENT_TYPES),
                              ("source", SOURCES), ("interface", INTERFACES)):
            self.words[name].update(strings[code] for code in rows[name] if code >= 0)
        entries = set(played.world.room.ledger.entries.fault)
        types = played.truth.faults.type
        self.words["fault"].update(t for n, t in enumerate(types) if t != REPAIR or n in entries)
        self.words["exception"].update(played.truth.exceptions.type)
        self.words["decoy"].update(played.truth.decoys.kind)
        log = played.world.desk.log
        for action, outcome in zip(log.action, log.outcome, strict=True):
            if outcome in {"done", "refused"}:
                self.words[outcome][action.kind] += 1
        self.words["asked_by_operator"].update(action.kind for action in by_operator)


def _rough(days: int = 10) -> Config:
    config = small_config(stores=5, items=50, days=days, unit_of_measure=0.1)
    config.faults.scale = 6.0
    config.faults.opening_drift = 0.5
    config.demand.peak_from_day = 5
    config.demand.online_share = 0.2
    # Goods go back to their vendors on the first Friday, and what they owe is soon due.
    config.online.substitute_rate, config.returns.vendor_share, config.returns.credit_days = 0.2, 0.3, 2
    config.faults.rtv_gap.rate = 0.1
    # An outage that outlasts the retries: with the default of six attempts none does.
    config.middleware.retry_max_attempts = 4
    config.finance.payment_days = 4
    config.confounders.closing_stores, config.confounders.closing_day = 1, 2
    return config


def _changing() -> Config:
    """A world in which the assortment changes, with item numbers to spare and clocks that are wrong."""
    config = small_config(stores=8, items=120, days=14, duplicate_item=0.9, clock_skew=1.0, unit_of_measure=0.0)
    config.assortment.launched_share, config.assortment.retired_share, config.assortment.day = 0.05, 0.05, 4
    config.pricing.change_rate = 0.05
    return config


def _operated(config: Config, policy: str, seed: int, classifier: str = "fitted") -> tuple[Played, list[Action]]:
    """A world under the default operator with a policy and a classifier."""
    experiment = Experiment(**{name: getattr(config, name) for name in vars(config)})
    experiment.policy.name, experiment.classifier.name = policy, classifier
    world = RegionWorld(experiment, seed, 0)
    vocabulary = world.room.vocabulary
    operator = build(operator_spec(experiment, vocabulary.locations),
                     Layout(vocabulary, config.world.opens, config.world.closes, "R1"), seed)
    watcher, asked = Watcher(), []

    def step(now: int, rows: Rows) -> list[Action]:
        watcher.step(now, rows)
        actions = operator.step(now, rows)
        asked.extend(actions)
        return actions

    world.run(step)
    return Played(world, watcher), asked


def _diligent() -> Watcher:
    """An operator that asks, of online orders and of returns, for what could be done next."""
    late: list[tuple[int, dict[str, Any]]] = []
    turn = cycle(({"kind": "repromise"}, {"kind": "substitute"}))

    def answer(row: dict[str, Any], now: int) -> dict[str, Any] | None:
        target = {name: row[name] for name in ("document_id", "location", "item")}
        if row["code"] == CODES.index("651"):
            for hours, fields in ((1, {"kind": "inspect"}), (2, {"kind": "set_disposition", "units": now // TICK % 2}),
                                  (3, {"kind": "scrap", "approver": "store_manager"})):
                late.append((row["due_at"] + hours * HOUR, target | fields))
        elif row["document_type"] == DOCUMENT_TYPES.index("credit"):
            document = {"document_id": row["parent_document_id"]}
            late.append((now + 5 * HOUR, document | {"kind": "post_return"}))
            late.append((row["due_at"] + HOUR, document | {"kind": "chase_credit"}))
        elif row["code"] == CODES.index("101"):
            if row["status"] == STATUSES.index("variance"):
                late.append((now + 24 * HOUR, target | {"kind": "cancel", "document_id": row["correlation_id"]}))
            elif row["item"] % 10 == 0:
                return target | {"kind": "reverse", "approver": "finance"}
        elif row["status"] == STATUSES.index("blocked"):
            return {"kind": "release_block", "document_id": row["document_id"], "approver": "accounts_payable"}
        elif row["status"] == STATUSES.index("cancelled"):
            return target | {"kind": "release"}
        elif row["status"] in {STATUSES.index("nil"), STATUSES.index("short")}:
            return target | next(turn)
        return None

    def after(now: int) -> list[dict[str, Any]]:
        due = [fields for at, fields in late if at <= now]
        late[:] = [(at, fields) for at, fields in late if at > now]
        return due

    return Watcher(answer, ("cancelling", "picking", "returning", "crediting", "matching", "receiving"), after)


@pytest.fixture(scope="module")
def seen() -> Seen:
    pooled = Seen()
    for policy, seed, classifier in (("deterministic", 1, "fitted"), ("deterministic", 2, "rules"),
                                     ("unrestricted", 3, "fitted")):
        pooled.add(*_operated(_rough(), policy, seed, classifier))
    pooled.add(*_operated(_changing(), "predictive", 7))
    for seed in (4, 5):
        rough = _rough(days=6)
        rough.faults.dropped_message.rate = 0.02
        pooled.add(play(rough, seed, watcher=meddler(seed)), [])
    pooled.add(play(_rough(days=14), 6, watcher=_diligent()), [])
    rush = small_config(stores=2, items=8, days=6)
    rush.world.daily_units, rush.demand.online_share = 6.0, 0.9
    rush.demand.peak_from_day, rush.demand.peak_days, rush.demand.peak_factor = 0, 6, 12.0
    pooled.add(play(rush), [])
    # On its first day a version of the calls comes out, which the app moves to too late.
    tardy = quiet_config(stores=1, items=8, days=16)
    tardy.world.daily_units, tardy.demand.online_share = 20.0, 0.9
    pooled.add(play(tardy, 306), [])
    # An ERP that posts a few lines an hour, of documents that come by the dozen.
    slow, watcher = RegionWorld(busy_config(), 1, 0), Watcher()
    slow.region.postings.capacity = 2.5
    slow.run(watcher.step)
    pooled.add(Played(slow, watcher), [])
    return pooled


def test_every_event_type(seen: Seen):
    assert set(EVENT_TYPES) - set(seen.words["event_type"]) == set()


def test_every_status_and_code(seen: Seen):
    assert set(STATUSES) - set(seen.words["status"]) == set()
    assert set(CODES) - set(seen.words["code"]) == set()


@pytest.mark.parametrize(("name", "words"), [("document_type", set(DOCUMENT_TYPES) - {"action"}),
                                             ("source", set(SOURCES)), ("interface", set(INTERFACES))])
def test_every_document_system_and_interface(seen: Seen, name: str, words: set[str]):
    assert words - set(seen.words[name]) == set()


def test_every_fault_exception_and_decoy(seen: Seen):
    assert set(FAULTS) | {REPAIR, "count_variance"} == set(seen.words["fault"])
    assert set(EXCEPTIONS) == set(seen.words["exception"])
    assert set(seen.words["decoy"]) == {"seasonal_peak", "valid_late_update", "slow_mover", "redelivery",
                                         "repeat_sale", "planned_maintenance", "harmless_release", "retired_version",
                                         "store_closing", "promotion_spike", "posting_backlog"}
    assert set(FAULTS) | set(EXCEPTIONS) == set(BY_NAME)


def test_every_action_is_done(seen: Seen):
    assert set(KINDS) - set(seen.words["done"]) == set()


def test_every_action_that_can_miss_its_mark_is_refused(seen: Seen):
    # What asks people about the policy or its models always finds somebody.
    always_done = {"wait", "escalate", "review", "promote"}
    assert set(KINDS) - set(seen.words["refused"]) <= always_done | {"reprioritise", "count", "replay"}


def test_the_operator_uses_what_it_has(seen: Seen):
    assert set(KINDS) - set(seen.words["asked_by_operator"]) <= NOT_OF_THE_OPERATOR
