"""A region's truth and outcomes as Arrow tables, with names in place of codes.

Column names are those of the run folder; times are ``timestamp[us]``, "not yet" and "none" are null.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sim.draws import Purpose, keyed
from sim.events import INTERFACES, Vocabulary
from sim.faults.types import BY_NAME
from sim.ledger import KIND_OF, Belief
from sim.systems.accounts import Account
from sim.truth import REPAIR
from sim.world import RegionWorld

Codes = Sequence[int] | npt.NDArray[np.int64]

_SYSTEMS = {
    Belief.SITE_ON_HAND: "SITE", Belief.ERP_ON_HAND: "ERP", Belief.OMS_ON_HAND: "OMS", Belief.SITE_BLOCKED: "SITE",
    Belief.ERP_BLOCKED: "ERP", Belief.ERP_ON_ORDER: "ERP", Belief.OMS_RESERVED: "OMS",
}


def system_of(belief: int, location: int) -> str:
    """The system that holds a belief: the site's is the WMS in a DC and the store system in a store."""
    name = _SYSTEMS[Belief(belief)]
    return ("WMS" if location == 0 else "STORE") if name == "SITE" else name


def times(values: Codes) -> pa.Array:
    """Microseconds since 1970 as timestamps; negative values are null."""
    array = np.asarray(values, np.int64)
    return pa.array(array, pa.int64(), mask=array < 0).cast(pa.timestamp("us"))


def ids(values: Codes) -> pa.Array:
    """Ids and sequence numbers; negative values are null."""
    array = np.asarray(values, np.int64)
    return pa.array(array, pa.int64(), mask=array < 0)


class Names:
    """Codes of one region to strings."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.locations, self.items = vocabulary.locations, vocabulary.items

    @staticmethod
    def coded(codes: Codes, strings: Sequence[str]) -> pa.Array:
        """Strings by code; a code outside them is null."""
        array = np.asarray(codes, np.int64)
        mask = (array < 0) | (array >= len(strings))
        return pa.DictionaryArray.from_arrays(pa.array(np.where(mask, 0, array), pa.int32(), mask=mask),
                                              pa.array(strings, pa.string()))

    def location(self, codes: Codes) -> pa.Array:
        """Location names."""
        return self.coded(codes, self.locations)

    def item(self, codes: Codes) -> pa.Array:
        """Item names."""
        return self.coded(codes, self.items)

    def interface(self, codes: Codes) -> pa.Array:
        """Interface names."""
        return self.coded(codes, INTERFACES)


def faults_table(world: RegionWorld) -> pa.Table:
    """truth/faults: those that acted; a repair is one where it put something wrong."""
    f, names = world.room.truth.faults, Names(world.room.vocabulary)
    table = pa.table({
        "fault_id": ids(f.fault_id), "type": f.type, "cause": [cause or None for cause in f.cause],
        "plane": [BY_NAME[t].plane if t in BY_NAME else "information" for t in f.type],
        "location": names.location(f.location), "item": names.item(f.item), "document_id": ids(f.document_id),
        "interface": names.interface(f.interface), "magnitude": f.magnitude, "onset": times(f.onset),
        "ended_at": times(f.ended_at), "restored_at": times(f.restored_at), "units": f.units,
        "ambient": pa.array(f.ambient, pa.bool_()), "latent": _is_latent(world),
    })
    acted = set(world.room.ledger.entries.fault)
    keep = [t != REPAIR or number in acted for number, t in enumerate(f.type)]
    return table.filter(pa.array(keep, pa.bool_()))


def _is_latent(world: RegionWorld) -> npt.NDArray[np.bool_]:
    """Faults that the stream never showed: no row is of their lineage, and no exception of theirs had evidence."""
    truth = world.room.truth
    named = np.concatenate([*truth.lineage_faults, np.zeros(0, np.int64)])
    shown = np.isin(np.asarray(truth.faults.fault_id, np.int64), named)
    for faults, at in zip(truth.exceptions.faults, truth.exceptions.first_evidence_at, strict=True):
        if 0 <= at < world.room.calendar.end:
            shown[faults] = True
    return ~shown


def exceptions_table(world: RegionWorld) -> pa.Table:
    """truth/exceptions."""
    truth, names = world.room.truth, Names(world.room.vocabulary)
    e, f = truth.exceptions, truth.faults
    return pa.table({
        "exception_id": ids(e.exception_id), "type": e.type, "fault_type": e.fault_type,
        "cause": [f.cause[numbers[0]] or None for numbers in e.faults],
        "faults": pa.array([[f.fault_id[n] for n in numbers] for numbers in e.faults], pa.list_(pa.int64())),
        "location": names.location(e.location), "item": names.item(e.item), "document_id": ids(e.document_id),
        "interface": names.interface(e.interface), "sequence": ids(e.sequence), "opened_at": times(e.opened_at),
        "first_evidence_at": times(e.first_evidence_at), "closed_at": times(e.closed_at),
        "restored_at": times(e.restored_at), "restored_by": ids(e.restored_by),
        "announced": pa.array(e.announced, pa.bool_()), "loss_at_stake": pa.array(e.loss_at_stake, pa.float64()),
    })


def errors_table(world: RegionWorld) -> pa.Table:
    """truth/errors: the ledger's named entries."""
    e, names, truth = world.room.ledger.entries, Names(world.room.vocabulary), world.room.truth
    cells, belief = np.asarray(e.cell, np.int64), np.asarray(e.belief, np.int64)
    location, item = np.divmod(cells, world.room.items)
    seed, region = world.room.seed, world.room.region
    # The site's books are the WMS's in the DC and the store system's elsewhere.
    system = belief * 2 + (location > 0)
    systems = [system_of(b, place) for b in Belief for place in (0, 1)]
    numbers = keyed(seed, Purpose.IDS, 6000, region, np.arange(len(e), dtype=np.int64)) >> np.uint64(13)
    return pa.table({
        "error_id": ids(numbers.astype(np.int64)),
        "fault_id": ids(np.asarray(truth.faults.fault_id, np.int64)[np.asarray(e.fault, np.int64)]),
        "system": names.coded(system, systems), "kind": names.coded(belief, [KIND_OF[b].name.lower() for b in Belief]),
        "location": names.location(location), "item": names.item(item), "opened_at": times(e.opened_at),
        "cleared_at": times(e.cleared_at), "cleared_by": ids(e.cleared_by), "units": pa.array(e.units, pa.int64()),
        "value": np.asarray(e.units, np.int64) * world.room.catalogue.price[item],
    })


def lineage_table(world: RegionWorld) -> pa.Table:
    """truth/lineage."""
    truth = world.room.truth
    none = np.zeros(0, np.int64)
    return pa.table({
        "event_id": np.concatenate(truth.lineage_events or [none]),
        "fault_id": np.concatenate(truth.lineage_faults or [none]),
    })


def decoys_table(world: RegionWorld) -> pa.Table:
    """truth/decoys."""
    d, names = world.room.truth.decoys, Names(world.room.vocabulary)
    end = world.room.calendar.end
    return pa.table({
        "decoy_id": ids(d.decoy_id), "kind": pa.array(d.kind, pa.string()), "location": names.location(d.location),
        "item": names.item(d.item), "document_id": ids(d.document_id), "from": times(d.since),
        "until": times([min(t, end) for t in d.until]),
    })


def ledger_table(world: RegionWorld) -> pa.Table:
    """truth/ledger: daily sums of the identity's terms."""
    sums = world.outcomes.ledger
    codes = sums["belief_code"]
    columns = {name: pa.array(sums[name], pa.int64()) for name in ("belief", "fact", "in_flight", "error", "ambient")}
    systems = [system_of(code, place) for code, place in zip(codes, sums["location"], strict=True)]
    return pa.table({
        "day": times(sums["day"]), "system": systems,
        "kind": [KIND_OF[c].name.lower() for c in codes], **columns,
    })


def outcomes_table(world: RegionWorld) -> pa.Table:
    """arms/ARM: daily figures."""
    days = world.outcomes.days
    return pa.table({name: times([int(v) for v in values]) if name == "day" else pa.array(values, pa.float64())
                     for name, values in days.items()})


def gauges_table(world: RegionWorld) -> pa.Table:
    """truth/gauges: the sums that the realism card is made of, one row a gauge and key; and each team's minutes."""
    columns: dict[str, list[Any]] = {name: list(values) for name, values in world.room.gauges.columns().items()}
    for team, minutes in world.region.people.minutes.items():
        for name, value in {"gauge": f"worked_minutes.{team}", "key": 0, "n": 1.0, "total": minutes,
                            "squares": 0.0}.items():
            columns[name].append(value)
    kinds = {"gauge": pa.string(), "key": pa.int64()}
    return pa.table({name: pa.array(values, kinds.get(name, pa.float64())) for name, values in columns.items()})


def accounts_table(world: RegionWorld) -> pa.Table:
    """accounts: daily debits, credits and balances of ERP's accounts, cents."""
    days = world.accounts.general.days
    names = [account.name.lower() for account in Account]
    return pa.table({
        "day": times(days["day"]), "account": Names.coded(days["account"], names),
        **{name: pa.array(days[name], pa.int64()) for name in ("debit_cents", "credit_cents", "balance_cents")},
    })


def manual_tables(world: RegionWorld) -> tuple[pa.Table, pa.Table]:
    """Alerts and cases of the manual process."""
    c, names = world.manual.cases, Names(world.room.vocabulary)
    scope = {"location": names.location(c.location), "item": names.item(c.item), "document_id": ids(c.document_id),
             "interface": names.interface(c.interface)}
    kinds = pa.array(c.type, pa.string())
    alerts = pa.table({"alert_id": ids(c.case_id), "raised_at": times(c.opened_at),
                       "detector": ["manual"] * len(c.type), "type": kinds, **scope,
                       "score": pa.array([1.0] * len(c.type), pa.float64())})
    status = ["closed" if at >= 0 else "open" for at in c.closed_at]
    cases = pa.table({"case_id": ids(c.case_id), "opened_at": times(c.opened_at), "closed_at": times(c.closed_at),
                      "status": status, "type": kinds, "team": pa.array(c.team, pa.string()),
                      "alerts": pa.array([[i] for i in c.case_id], pa.list_(pa.int64())), **scope,
                      "origin": ["manual"] * len(c.type)})
    return alerts, cases


def truth_tables(world: RegionWorld) -> dict[str, pa.Table]:
    """All tables of the truth, by their name in the run folder."""
    return {
        "truth/faults": faults_table(world), "truth/exceptions": exceptions_table(world),
        "truth/errors": errors_table(world), "truth/lineage": lineage_table(world),
        "truth/decoys": decoys_table(world), "truth/ledger": ledger_table(world), "truth/gauges": gauges_table(world),
    }


