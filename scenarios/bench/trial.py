"""What happens inside the child of one trial: an entrant is shown a recording, or a whole run is made.

Each function here is called in a process of its own (:mod:`scenarios.child`), takes and returns plain
values, and leaves nothing but its recording.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scenarios import measures
from scenarios.bench.recording import ARM, Overlay, record, shown_to
from scenarios.measures.card import Scorecard
from scenarios.measures.detecting import detect
from scenarios.measures.run import MANUAL, Run
from scenarios.reader import RunReader
from scenarios.schema import Experiment

#: Least scores that are tried for an entrant, at most: quantiles of those it gave.
CANDIDATES_MAX: Final = 48


class InvalidOutputError(ValueError):
    """An entrant said what cannot be scored."""

    status = "invalid"


def make_recording(experiment: Experiment, folder: str) -> dict[str, Any]:
    """Record a scenario and seed; returns the score of an operator that says nothing, for trials that fail."""
    path = record(experiment, Path(folder))
    return _scored(RunReader(path), "detection")


def show(experiment: Experiment, folder: str, oracle: bool) -> dict[str, Any]:
    """Show an entrant a recording; returns its measures and, for a scored one, its false alarms by least score."""
    tables = shown_to(experiment, RunReader(folder), oracle=oracle)
    _check_scores(tables["alerts"])
    overlay = Overlay(Path(folder), tables)
    return _scored(overlay, "detection")


def false_alarms_by_score(experiment: Experiment, folder: str) -> dict[str, Any]:
    """Untrue incidents of an entrant for each of a number of least scores, on one recording.

    Returns:
        ``score_min`` (rising; the first lets everything through), ``untrue`` (incidents at each) and
        ``location_days``.
    """
    tables = shown_to(experiment, RunReader(folder))
    _check_scores(tables["alerts"])
    alerts = tables["alerts"]
    own = pc.not_equal(alerts.column("detector").cast(pa.string()), MANUAL)
    scores = alerts.filter(own).column("score").to_numpy()
    quantiles = np.linspace(0.0, 1.0, CANDIDATES_MAX)
    candidates = np.unique(np.quantile(scores, quantiles, method="lower")) if len(scores) else scores
    untrue = []
    for least in candidates:
        kept = pc.and_(own, pc.greater_equal(alerts.column("score"), float(least)))
        run = Run(Overlay(Path(folder), {**tables, "alerts": alerts.filter(kept)}))
        nothing = run.of_operator("cases", ARM).iloc[:0]
        incidents = detect(run, ARM, run.of_operator("alerts", ARM), nothing).incidents
        untrue.append(int((~incidents["true"].astype(bool)).sum()))
    run = Run(RunReader(folder))
    return {"score_min": [float(least) for least in candidates], "untrue": untrue,
            "location_days": run.locations * run.days}


def run_loop(experiment: Experiment, folder: str) -> dict[str, Any]:
    """A whole run with all its arms; returns its measures and leaves no folder."""
    from scenarios.arms import run_experiment

    path = Path(folder)
    shutil.rmtree(path, ignore_errors=True)
    try:
        reader = RunReader(run_experiment(experiment, path))
        return _told(reader, reader.scorecard or {}, _recalls(reader, "detection.loop"))
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _scored(reader: RunReader, prefix: str) -> dict[str, Any]:
    card = measures.score(reader)
    return _told(reader, card.to_json(), _recalls_of(card, prefix))


def _told(reader: RunReader, card: Mapping[str, Any], recalls: Mapping[str, tuple[float, int]]) -> dict[str, Any]:
    announced = {rule["name"]: not rule.get("inferred", True) for rule in _types(reader)}
    by_type = {name: {"n": n, "recall": value, "announced": announced.get(name, False)}
               for name, (value, n) in sorted(recalls.items())}
    return {"event_hash": reader.manifest.get("event_hash"), "measures": card["measures"], "by_type": by_type}


def _types(reader: RunReader) -> list[dict[str, Any]]:
    types = reader.config.get("types") or []
    return list(types.values()) if isinstance(types, Mapping) else list(types)


def _recalls_of(card: Scorecard, prefix: str) -> dict[str, tuple[float, int]]:
    """Type -> recall and exceptions, of a scorecard."""
    return {part.key: (part.estimate.value, int(part.estimate.n or 0)) for part in card.parts
            if part.measure == f"{prefix}.recall" and part.by == "type"}


def _recalls(reader: RunReader, prefix: str) -> dict[str, tuple[float, int]]:
    """The same of a run folder's breakdown."""
    rows = reader.table("breakdown/type", ["measure", "key", "value", "n"]).to_pylist()
    return {row["key"]: (row["value"], row["n"] or 0) for row in rows if row["measure"] == f"{prefix}.recall"}


def _check_scores(alerts: pa.Table) -> None:
    """Refuse scores that are no numbers: they would be ranked as chance has it."""
    scores = alerts.column("score")
    if pc.any(pc.fill_null(pc.invert(pc.is_finite(scores)), fill_value=False)).as_py():
        raise InvalidOutputError("a score is not a finite number")
