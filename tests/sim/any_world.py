"""Any small world, and an operator that meddles at random: what must hold whatever happens."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from hypothesis import strategies as st

from sim.actions import KINDS
from sim.config import Config
from sim.events import INTERFACES, NULL, STATUS
from sim.faults.types import FAULTS
from sim.ledger import KIND_OF, ON_HAND_BELIEFS, Belief
from sim.truth import REPAIR
from sim.world import RegionWorld
from tests.sim.small_world import Played, Watcher, play, small_config

RATES = {name: st.sampled_from([0.0, 0.01, 0.1, 0.5]) for name in FAULTS} | {
    "api_outage": st.sampled_from([0.0, 3.0, 30.0, 60.0]), "schema_drift": st.sampled_from([0.0, 10.0, 60.0])}


@st.composite
def configs(draw: st.DrawFn) -> Config:
    """Worlds of one to four shops for two to six days, anything from healthy to hopeless."""
    config = small_config(draw(st.integers(1, 4)), draw(st.integers(2, 40)), draw(st.integers(2, 6)),
                          **{name: draw(rate) for name, rate in RATES.items()})
    config.world.regions = draw(st.integers(1, 2))
    config.world.suppliers, config.world.categories = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    config.world.daily_units = draw(st.sampled_from([0.3, 0.9, 4.0]))
    config.faults.scale = draw(st.sampled_from([0.0, 1.0, 2.0, 4.0]))
    config.replenishment.lead_days_median = draw(st.sampled_from([0.3, 1.0, 4.0]))
    config.demand.online_share = draw(st.sampled_from([0.0, 0.08, 0.5]))
    config.demand.return_rate = draw(st.sampled_from([0.0, 0.1, 0.5]))
    config.counting.per_year = [draw(st.sampled_from([1.0, 50.0]))] * 3
    config.counting.missed_cutoff_rate = draw(st.sampled_from([0.0, 0.01, 0.5]))
    config.middleware.retry_max_attempts = draw(st.sampled_from([2, 5, 8]))
    config.middleware.legacy_share = draw(st.sampled_from([0.0, 0.5, 1.0]))
    config.middleware.redelivery_rate = draw(st.sampled_from([0.0, 0.0005, 0.2]))
    config.middleware.correlation_loss = config.middleware.telemetry_loss = draw(st.sampled_from([0.0, 0.3, 1.0]))
    config.middleware.canonical_from_day = draw(st.sampled_from([None, 0, 2]))
    config.online.calls_per_minute = draw(st.sampled_from([0.5, 600.0]))
    config.confounders.maintenance_rate = draw(st.sampled_from([0.0, 1.0, 60.0]))
    config.middleware.idempotency_days = draw(st.sampled_from([1, 7]))
    config.people.operator_acts_alone = draw(st.booleans())
    config.people.service_minutes_median = draw(st.sampled_from([1.0, 15.0, 300.0]))
    config.finance.invoice_error_rate = draw(st.sampled_from([0.0, 0.22, 1.0]))
    config.finance.payment_days = draw(st.sampled_from([1, 4, 30]))
    return config


def meddler(seed: int) -> Watcher:
    """An operator that answers a tenth of the rows by any action on whatever they name."""
    dice = random.Random(seed)

    def answer(row: dict[str, Any], _: int) -> dict[str, Any] | None:
        if dice.random() > 0.1:
            return None
        fields = {name: row[name] for name in ("location", "item", "interface", "sequence", "document_id")}
        if fields["document_id"] == NULL:
            fields["document_id"] = row["correlation_id"]
        if fields["interface"] < 0:
            fields["interface"] = dice.randrange(len(INTERFACES))
        if fields["sequence"] == NULL:
            fields["sequence"] = dice.randrange(60)
        if dice.random() < 0.3:
            fields["document_id"] = row["parent_document_id"]
        approver, team = dice.choice([("", ""), ("finance", ""), ("", "store"), ("store_manager", "inventory_control")])
        kind = dice.choice(list(KINDS))
        if row["status"] == STATUS["blocked"] and dice.random() < 0.3:
            # Few rows name an invoice that is blocked: any other kind of action finds its target more often.
            kind = "release_block"
        return fields | {"kind": kind, "units": dice.randint(-6, 6), "system": dice.randrange(3),
                         "approver": approver, "team": team}

    heeds = ("retail_selling", "receiving", "posting", "sequence_gap", "picking", "ordering", "departing", "arriving",
             "dead_letter", "recovered", "batching", "announcing", "cycle_counting", "reconciling", "returning",
             "matching")
    return Watcher(answer, heeds)


def run_and_check(config: Config, seed: int, *, meddle: bool) -> Played:
    """Run one region of a world, which checks the books as it goes, and check once more what it left.

    Raises:
        LedgerError: by the world's own checks, every tick and every day.
    """
    regions = min(config.world.regions, config.world.stores)
    played = play(config, seed, seed % regions, meddler(seed) if meddle else Watcher())
    check_identity(played.world)
    check_truth(played)
    return played


def check_identity(world: RegionWorld) -> None:
    """The identity from its parts, entry by entry, apart from the ledger's own sums."""
    ledger = world.room.ledger
    named = np.zeros_like(ledger.belief)
    entries = ledger.entries
    np.add.at(named, (np.array(entries.belief, int), np.array(entries.cell, int)), np.array(entries.rest, int))
    ambient = ledger.ambient.sum(axis=0)
    for belief in Belief:
        errors = named[belief] + (ambient if belief in ON_HAND_BELIEFS else 0)
        assert (ledger.belief[belief] == ledger.fact[KIND_OF[belief]] + ledger.in_flight[belief] + errors).all(), belief
    assert (ledger.place >= 0).all()
    # Nor can there be fewer than no units blocked, ordered or promised.
    assert (ledger.fact >= 0).all()


def check_truth(played: Played) -> None:
    """What every label book must satisfy."""
    faults, exceptions, entries = played.faults(), played.exceptions(), played.entries()
    assert all(exceptions.faults.map(len))
    assert not exceptions.exception_id.duplicated().any()
    assert not faults[faults.type != REPAIR].fault_id.duplicated().any()
    assert not played.rows.event_id.duplicated().any()
    open_faults = set(entries.fault[entries.rest != 0])
    assert not open_faults & set(faults.number[faults.restored_at != -1]), "restored with an unpaid entry"
    known = faults.set_index("number")
    for exception in exceptions.itertuples():
        assert exception.fault_type in set(known.loc[exception.faults].type)
        assert exception.closed_at == -1 or exception.closed_at >= exception.opened_at
        assert exception.restored_at == -1 or exception.restored_at >= exception.opened_at
    ids = set(faults.fault_id)
    assert {fault for _, fault in played.lineage()} <= ids
    if not played.watcher.asked and played.world.room.config.faults.scale == 0:
        assert not (set(faults.type) - {REPAIR, "count_variance"})
