"""The loop: one arm of one region, world and operator joined, and what is kept of it.

Only this module and its callers know both halves. The operator steps at the end of each tick over
the rows that have become visible; in the closed loop its actions go back to the world, in shadow
they are dropped.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow.feather import write_feather

from detection.pipeline import Operator, build
from scenarios.operator_spec import layout_of, operator_seed, operator_spec
from scenarios.operator_tables import (
    alerts_table,
    calibration_table,
    cases_table,
    decisions_table,
    diagnoses_table,
    governance_table,
    scope,
    scores_table,
    signals_table,
)
from scenarios.oracle import Oracle
from scenarios.schema import Experiment
from sim.actions import Action
from sim.events import Rows
from sim.records import Names, accounts_table, ids, manual_tables, outcomes_table, times, truth_tables
from sim.region import healthy
from sim.world import RegionWorld

#: Arms in the order in which they are run and shown.
ARMS: tuple[str, ...] = ("clean", "unmanaged", "managed", "oracle", "fcfs")


@dataclass
class ArmResult:
    """One arm of one region.

    Attributes:
        tables: name in the run folder -> file that holds the table, without the columns ``arm`` and
            ``region``: a chain of many regions has more truth than belongs in memory at once.
        audit: lines of the audit trail.
        capacity_minutes: minutes a day that each team could work.
        left_out: ids of ``faults.exclude`` that would have struck here, in order.
    """

    arm: str
    region: int
    stream_hash: str
    rows: int
    business_rows: int
    tables: dict[str, Path] = field(default_factory=dict)
    audit: list[str] = field(default_factory=list)
    capacity_minutes: dict[str, float] = field(default_factory=dict)
    left_out: list[int] = field(default_factory=list)


def run_arm(experiment: Experiment, arm: str, region: int, stream_path: Path | None, folder: Path,
            progress: Callable[[int, int], None] | None = None) -> ArmResult:
    """Run one arm of one region to its end.

    Args:
        experiment: composed and validated.
        arm: one of :data:`ARMS`.
        region: number of the region.
        stream_path: the Parquet file of the observable stream, or None to keep only its hash.
        folder: where the tables are to be put down.
        progress: told days done and days in all.
    """
    config = healthy(experiment) if arm == "clean" else experiment
    world = RegionWorld(config, experiment.seed, region, stream_path)
    operator = _operator(experiment, arm, world)
    step = None
    if operator is not None:
        step = shadow(operator) if arm == "unmanaged" else operator.step
    world.run(step, progress)
    if operator is not None:
        operator.close()
    result = put_down(world, arm, operator, folder)
    # A world is one ring of references; without this the next one would be built beside it.
    del world, operator, step
    gc.collect()
    return result


def put_down(world: RegionWorld, arm: str, operator: Operator | None, folder: Path) -> ArmResult:
    """What is kept of a region that has run to its end; its tables are written to ``folder``."""
    stream = world.room.stream
    result = ArmResult(arm, world.room.region, world.stream_hash, stream.rows, stream.business_rows)
    result.capacity_minutes = _capacity(world)
    result.left_out = sorted(world.room.plan.left_out)
    for name, table in _collect(result, world, operator).items():
        result.tables[name] = folder / f"{arm}-{result.region}-{name.replace('/', '-')}.arrow"
        write_feather(table, result.tables[name], compression="zstd")
    return result


def shadow(operator: Operator) -> Callable[[int, Rows], list[Action]]:
    """The operator over a stream that it cannot change."""

    def step(now: int, rows: Rows) -> list[Action]:
        operator.step(now, rows)
        return []

    return step


def _operator(experiment: Experiment, arm: str, world: RegionWorld) -> Operator | None:
    """The operator of an arm: none in ``clean``, the oracle in ``oracle``, another order of work in ``fcfs``."""
    if arm == "clean":
        return None
    vocabulary, region = world.room.vocabulary, world.room.region
    spec, layout = operator_spec(experiment, vocabulary.locations), layout_of(experiment, vocabulary, region)
    seed = operator_seed(experiment.seed, region)
    if arm == "oracle":
        return build(replace(spec, detector="supplied"), layout, seed, Oracle(world.room.truth))
    if arm == "fcfs":
        spec = replace(spec, priority="fcfs")
    return build(spec, layout, seed)


def _capacity(world: RegionWorld) -> dict[str, float]:
    people = world.room.config.people
    shift = (people.shift_until - people.shift_from) * 60.0
    return {team: heads * (24 * 60.0 if team == "integration" else shift)
            for team, heads in world.region.people.heads.items()}


def _collect(result: ArmResult, world: RegionWorld, operator: Operator | None) -> dict[str, pa.Table]:
    """Tables of the truth, of the outcomes, of the manual process and of the operator."""
    tables = truth_tables(world)
    tables[f"arms/{result.arm}"] = outcomes_table(world)
    tables["accounts"] = accounts_table(world)
    alerts, cases = manual_tables(world)
    tables["alerts"], tables["cases"] = alerts, cases
    if operator is None:
        return tables
    names, records = Names(world.room.vocabulary), operator.records()
    tables["alerts"] = pa.concat_tables([alerts, alerts_table(records["alerts"], names, result.arm)],
                                               promote_options="permissive")
    result.audit = list(operator.audit.lines())
    tables["cases"] = pa.concat_tables([cases, cases_table(records["cases"], names)], promote_options="permissive")
    tables["diagnoses"] = diagnoses_table(records["diagnoses"])
    tables["signals"] = signals_table(records["signals"], names)
    scores = scores_table(operator)
    if scores is not None:
        tables["scores"] = scores
    # In shadow the cases are the diagnosis that is scored; nothing was done about them.
    if result.arm != "unmanaged":
        tables["actions"] = _actions(records["actions"], world, names)
        tables["decisions"] = decisions_table(records["decisions"])
        tables["governance"] = governance_table(result.audit)
    tables["calibration"] = calibration_table(records["calibration"], names)
    return tables


def _actions(table: dict[str, list[Any]], world: RegionWorld, names: Names) -> pa.Table:
    """The operator's requests with what the world's desk knows of them."""
    log = world.desk.log
    row_of = {action.action_id: row for row, action in enumerate(log.action)}
    rows = [row_of[action_id] for action_id in table["action_id"]]
    strings = ("kind", "target", "decided_by", "rule", "model_version", "team")
    return pa.table({
        "action_id": ids(table["action_id"]), "case_id": ids(table["case_id"]),
        **{name: pa.array(table[name], pa.string()) for name in strings}, **scope(table, names),
        "requested_at": times(table["requested_at"]), "executed_at": times([log.executed_at[r] for r in rows]),
        "outcome": pa.array([log.outcome[r] for r in rows], pa.string()),
        "refused_reason": pa.array([log.refused_reason[r] or None for r in rows], pa.string()),
        "approver": pa.array([log.action[r].approver or None for r in rows], pa.string()),
        "approved_by": pa.array([log.approved_by[r] or None for r in rows], pa.string()),
        "minutes": pa.array([log.minutes[r] for r in rows], pa.float64()),
        "delta_units": pa.array([log.delta_units[r] for r in rows], pa.int64()),
        "verified_at": times(table["verified_at"]),
    })
