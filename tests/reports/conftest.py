"""A made-up run folder with the files that a page reads, in any size and with any part missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scenarios.record import RunWriter

START = pd.Timestamp("2026-03-02")
TYPES = {
    "phantom_stock": "physical_discrepancy",
    "negative_inventory": "data_synchronization",
    "posting_lag": "timing_delay",
    "late_asn": "timing_delay",
    "carton_mismatch": "data_synchronization",
    "api_outage": "timing_delay",
    "unit_of_measure": "business_rule",
}
MEASURES: dict[str, tuple[float | None, str, float | None, float | None, int | None]] = {
    "detection.recall": (0.612, "share", 0.58, 0.65, 812),
    "detection.recall_inferred": (0.41, "share", 0.33, 0.5, 301),
    "detection.chance_recall": (0.07, "share", None, None, 812),
    "detection.precision": (0.83, "share", 0.79, 0.86, 640),
    "detection.false_alarms_per_location_day": (0.034, "1/location-day", 0.026, 0.043, 588),
    "detection.mttd_hours": (17.3, "hours", 15.1, 19.4, 812),
    "detection.lead_time_hours": (None, "hours", None, None, 0),
    "detection.loop.recall": (0.66, "share", 0.6, 0.7, 512),
    "detection.loop.mttd_hours": (14.1, "hours", 12.0, 16.0, 512),
    "manual.mttd_hours": (131.0, "hours", 120.0, 142.0, 812),
    "manual.mttr_hours": (160.0, "hours", 150.0, 171.0, 812),
    "classification.pair.posting_lag.dropped_message": (0.81, "share", 0.7, 0.9, 77),
    "case.routing_accuracy": (0.88, "share", 0.84, 0.91, 402),
    "repair.mttr_hours": (40.2, "hours", 37.0, 44.0, 512),
    "repair.wrongful": (0.021, "share", 0.011, 0.04, 380),
    "repair.wrongful_value": (214.5, "value", None, None, None),
    "business.recovery": (0.38, "share", None, None, 1),
    "business.recovery_oracle": (0.71, "share", None, None, 1),
    "business.recovery_of_reachable": (0.535, "share", None, None, 1),
    "business.clean.stock_accuracy": (1.0, "share", None, None, None),
    "business.unmanaged.stock_accuracy": (0.41, "share", None, None, None),
    "business.managed.stock_accuracy": (0.47, "share", None, None, None),
    "business.oracle.stock_accuracy": (0.52, "share", None, None, None),
    "business.managed.loss_value": (31245.4, "value", None, None, None),
    "invented.measure": (3.0, "dozens", None, None, None),
}


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """A maker of run folders; arguments are those of :func:`write_run` but the folder."""

    def make(**settings: Any) -> Path:
        return write_run(tmp_path / f"run{len(list(tmp_path.iterdir()))}", **settings)

    return make


def write_run(
    folder: Path,
    exceptions: int = 200,
    arms: Sequence[str] = ("clean", "unmanaged", "managed", "oracle"),
    days: int = 28,
    replications: int = 1,
    config: dict[str, Any] | None = None,
    gauges: dict[str, tuple[float, float]] | None = None,
) -> Path:
    """Write a run folder.

    Args:
        folder: where; created.
        exceptions: in the unmanaged arm.
        arms: those that were run.
        days: simulated days.
        replications: more than one writes scorecards only.
        config: entries that replace those of the configuration.
        gauges: n and total of ratio gauges by name.
    """
    rng = np.random.default_rng(exceptions + days)
    with RunWriter(folder) as writer:
        writer.write_config(_settings(days) | (config or {}))
        writer.identify(version="0.1.0", seed=1, config_hash="c" * 64, arms=dict.fromkeys(arms, "b" * 64), rows=123456)
        writer.write_scorecard(_scorecard(exceptions > 0))
        if gauges:
            rows = [("unmanaged", "R1", name, 0, float(n), float(total), 0.0) for name, (n, total) in gauges.items()]
            columns = ["arm", "region", "gauge", "key", "n", "total", "squares"]
            writer.write("truth/gauges", pd.DataFrame(rows, columns=columns))
        if replications == 1:
            _write_tables(writer, rng, exceptions, arms, days)
        for seed in range(replications) if replications > 1 else ():
            with RunWriter(writer.path(f"replications/{seed}/any").parent) as one:
                one.write_config(_settings(days))
                one.identify(version="0.1.0", seed=seed, config_hash="c" * 64, arms={})
                one.write_scorecard(_scorecard(seed != 1))
    return folder


def _settings(days: int) -> dict[str, Any]:
    return {
        "scenario": "quickstart",
        "seed": 1,
        "policy": {"name": "deterministic"},
        "detector": {"name": "standard"},
        "world": {"regions": 1, "stores": 20, "items": 500, "days": days, "start": "2026-03-02"},
        "costs": {"promise_penalty": 8.0},
        "assumptions": {
            "costs.promise_penalty": {"meaning": "penalty for a promise not kept", "low": 2.0, "high": 20.0},
            "costs.expedite": {"meaning": "not in this run", "low": 1.0, "high": 2.0},
            "faults.late_asn.rate": {"meaning": "ASNs that come late", "low": 0.03, "high": 0.1},
            "faults.shrink.magnitude": {"meaning": "of a fault that is off", "low": 0.0, "high": 1.0},
            "sim.flows.paying._PATIENCE": {"meaning": "in code", "low": 1.0, "high": 5.0, "value": 2.0, "fault": ""},
            "sim.flows.losing.SWEEP_UNITS": {
                "meaning": "of a fault that is off", "low": 5.0, "high": 20.0, "value": 9.0, "fault": "shrink",
            },
        },
        "faults": {"scale": 1.0, "late_asn": {"rate": 0.06, "hours": 20.0}, "shrink": {"rate": 0.0}},
    }


def _write_tables(writer: RunWriter, rng: np.random.Generator, exceptions: int, arms: Sequence[str], days: int) -> None:
    found = _exceptions(rng, exceptions, arms, days)
    writer.write("truth/exceptions", found)
    writer.write("truth/decoys", _decoys(arms))
    writer.write("alerts", _alerts(rng, found))
    writer.write("actions", _actions(found))
    for place, arm in enumerate(arms):
        writer.write(f"arms/{arm}", _outcomes(rng, arm, place, days))
    writer.write("breakdown/type", _breakdown(exceptions > 0))
    if exceptions:
        writer.write("breakdown/detector", _row("detection.precision", "detector", "silent_cell", 0.8))
        writer.write("breakdown/location", _row("detection.false_alarms_per_location_day", "location", "S0007", 0.2))
        writer.write("breakdown/queue", _row("queue.backlog", "queue", "inventory_control", 3.5))
        writer.write("breakdown/reason", _row("detection.apart", "reason", "latent", 12))


def _row(measure: str, by: str, key: str, value: float) -> pd.DataFrame:
    return pd.DataFrame({"measure": [measure], "by": by, "key": key, "value": float(value), "n": 10})


def _scorecard(applicable: bool) -> dict[str, Any]:
    measures = {}
    for name, (value, unit, low, high, n) in MEASURES.items():
        known = value is not None and (applicable or name.startswith("business."))
        measures[name] = {
            "value": value if known else None,
            "unit": unit,
            "low": low if known else None,
            "high": high if known else None,
            "n": n,
            "reason": None if known else "no exception of this kind",
        }
    return {"schema": 1, "measures": measures}


def _exceptions(rng: np.random.Generator, number: int, arms: Sequence[str], days: int) -> pd.DataFrame:
    parts = []
    for arm in (arm for arm in arms if arm != "clean"):
        weights = np.array([0.5, 0.24, 0.12, 0.06, 0.05, 0.01, 0.02])
        kind = rng.choice(list(TYPES), size=number, p=weights)
        opened = START + pd.to_timedelta(rng.uniform(0, days, number), unit="D").round("us")
        restored = pd.Series(opened + pd.to_timedelta(rng.lognormal(0.5, 1.0, number), unit="D").round("us"))
        restored = restored.where(restored < START + pd.Timedelta(days=days))
        by_action = (rng.random(number) < 0.7) & restored.notna()
        document = np.isin(kind, ["posting_lag", "late_asn", "carton_mismatch"])
        parts.append(
            pd.DataFrame(
                {
                    "arm": arm,
                    "region": "R1",
                    "exception_id": np.arange(number),
                    "type": kind,
                    "fault_type": kind,
                    "cause": [TYPES[name] for name in kind],
                    "location": pd.Series([f"S{place:04d}" for place in rng.integers(1, 21, number)], dtype="str"),
                    "item": pd.Series([f"I{item:05d}" for item in rng.integers(0, 500, number)]).where(~document),
                    "document_id": pd.Series(rng.integers(1, 2**40, number), dtype="Int64").where(document),
                    "interface": pd.Series([None] * number, dtype="str"),
                    "opened_at": opened,
                    "first_evidence_at": opened,
                    "closed_at": restored,
                    "restored_at": restored,
                    "restored_by": pd.Series(np.arange(number), dtype="Int64").where(by_action),
                    "announced": document,
                    "loss_at_stake": rng.gamma(1.0, 20.0, number),
                }
            )
        )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _alerts(rng: np.random.Generator, exceptions: pd.DataFrame) -> pd.DataFrame:
    chosen = exceptions[exceptions["arm"].isin(["unmanaged", "managed"])].sample(frac=0.7, random_state=1)
    delay = pd.to_timedelta(rng.exponential(0.4, len(chosen)), unit="D").round("us")
    return pd.DataFrame(
        {
            "arm": chosen["arm"],
            "region": "R1",
            "alert_id": np.arange(len(chosen)),
            "raised_at": chosen["opened_at"].to_numpy() + delay,
            "detector": "standard",
            "type": chosen["type"],
            "location": chosen["location"],
            "item": chosen["item"],
            "document_id": chosen["document_id"],
            "interface": chosen["interface"],
            "score": 1.0,
        }
    )


def _actions(exceptions: pd.DataFrame) -> pd.DataFrame:
    done = exceptions[(exceptions["arm"] == "managed") & exceptions["restored_by"].notna()]
    why = "nothing <b>waits</b> & there"
    reason: list[str | None] = [why if place % 9 == 0 else None for place in range(len(done))]
    kinds = {"phantom_stock": "count", "negative_inventory": "replay", "posting_lag": "expedite"}
    outcome = np.where(np.arange(len(done)) % 9 == 0, "refused", "done")
    return pd.DataFrame(
        {
            "arm": "managed",
            "region": "R1",
            "action_id": done["restored_by"],
            "case_id": done["exception_id"],
            "kind": done["type"].map(kinds).fillna("relink"),
            "requested_at": done["opened_at"],
            "executed_at": done["restored_at"].where(outcome == "done"),
            "outcome": outcome,
            "refused_reason": reason,
            "decided_by": "policy",
            "approved_by": None,
            "minutes": 12.5,
            "delta_units": -2,
        }
    )


def _decoys(arms: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "arm": list(arms),
            "region": "R1",
            "decoy_id": range(len(arms)),
            "kind": "seasonal_peak",
            "location": None,
            "item": None,
            "document_id": None,
            "from": START + pd.Timedelta(days=12),
            "until": START + pd.Timedelta(days=16),
        }
    )


def _outcomes(rng: np.random.Generator, arm: str, place: int, days: int) -> pd.DataFrame:
    day = pd.Series(pd.date_range(START, periods=days, freq="D"))
    drift = {"clean": 0.0, "unmanaged": -0.004, "managed": 0.001, "oracle": 0.003}[arm]
    share = 1.0 if arm == "clean" else 0.42
    return pd.DataFrame(
        {
            "arm": arm,
            "region": "R1",
            "day": day,
            "lost_margin": rng.gamma(20.0, 30.0 + 4 * (place % 3), days),
            "cells": 10_500,
            "accurate_cells": (10_500 * (share + drift * np.arange(days))).astype(int),
            "tolerant_cells": 9_000,
            "negative_cells": 12,
        }
    )


def _breakdown(applicable: bool) -> pd.DataFrame:
    rows = [
        {
            "measure": measure,
            "by": "type",
            "key": name,
            "value": value * (1 + place / 10) if applicable else None,
            "low": None,
            "high": None,
            "n": 10,
        }
        for measure, value in (
            ("detection.recall", 0.5),
            ("detection.mttd_hours", 9.0),
            ("repair.mttr_hours", 30.0),
            ("detection.precision", 0.6),
        )
        for place, name in enumerate(TYPES)
    ]
    return pd.DataFrame(rows).astype({"value": "float64", "low": "float64", "high": "float64"})
