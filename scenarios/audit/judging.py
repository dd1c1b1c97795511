"""A recorded scenario and what is measured of an operator, or of bare findings, over it.

Everything here is the benchmark's own: the recording, the replay and the measures are those of the trials, so that
the audit judges what is used and not a copy of it.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from detection.layout import Layout
from detection.taxonomy import Finding
from scenarios.bench.recording import ARM, Overlay, record, replay, shown_to
from scenarios.compose import compose
from scenarios.match import NULL
from scenarios.measures.card import Result
from scenarios.measures.detecting import Detection, detect
from scenarios.measures.detection import measure_detection
from scenarios.measures.run import Run
from scenarios.operator_spec import layout_of
from scenarios.reader import RunReader
from scenarios.schema import Experiment
from scenarios.statistics import Estimate
from sim.events import INTERFACES, Rows
from sim.region import vocabulary_of

_DAY: Final = 86_400 * 1_000_000


@dataclass(frozen=True)
class Recorded:
    """One region and seed, recorded."""

    experiment: Experiment
    folder: Path

    @property
    def reader(self) -> RunReader:
        """The run folder."""
        return RunReader(self.folder)

    @property
    def layout(self) -> Layout:
        """The region as an operator knows it."""
        return layout_of(self.experiment, vocabulary_of(self.experiment, 0), 0)

    def steps(self) -> Iterator[tuple[int, Rows]]:
        """The ticks as they were handed over."""
        return replay(self.reader, self.experiment, 0, self.layout.vocabulary)

    def run(self) -> Run:
        """What the measures read, without an operator."""
        return Run(self.reader)


def recorded(words: Sequence[str], seed: int, folder: Path) -> Recorded:
    """Record the unmanaged arm of one region; ``folder`` is taken whole."""
    experiment = compose([*words, f"seed={seed}", "world.regions=1", "oracle=false"])
    return Recorded(experiment, record(experiment, folder))


def operate(recording: Recorded, detector: str, parameters: Mapping[str, float] | None = None) -> Run:
    """A run in which an operator with this detector was shown the recording."""
    spec = dataclasses.replace(recording.experiment.detector, name=detector, parameters=dict(parameters or {}))
    tables = shown_to(dataclasses.replace(recording.experiment, detector=spec), recording.reader)
    return Run(Overlay(recording.folder, tables))


def said_by(recording: Recorded, plugin: str, folder: Path) -> pd.DataFrame:
    """The alerts of a third party's class, which lies in a module in ``folder``, over a recording."""
    spec = dataclasses.replace(recording.experiment.detector, plugin=plugin)
    sys.path.insert(0, str(folder))
    try:
        tables = shown_to(dataclasses.replace(recording.experiment, detector=spec), recording.reader)
    finally:
        sys.path.remove(str(folder))
    return Run(Overlay(recording.folder, tables)).of_operator("alerts", ARM)


def scored(run: Run) -> tuple[Detection, dict[str, Result]]:
    """The operator's alerts and cases against the truth, and the measures under ``detection``."""
    found = detect(run, ARM, run.of_operator("alerts", ARM), run.of_operator("cases", ARM))
    return found, measure_detection(run, found, ARM)


def value(result: Result) -> float | None:
    """The number of a result; None where it has a reason instead."""
    return result.value if isinstance(result, Estimate) else None


def detected(run: Run, layout: Layout, raised: Iterable[tuple[int, Finding]]) -> Detection:
    """Bare findings, without cases, against the truth of a recording."""
    cases = run.of_operator("cases", ARM)
    return detect(run, ARM, as_alerts(layout, raised), cases.iloc[:0])


def as_alerts(layout: Layout, raised: Iterable[tuple[int, Finding]]) -> pd.DataFrame:
    """Findings as plain alerts; one that repeats a subject and type within a day is left out, as the operator does."""
    last: dict[tuple[object, ...], int] = {}
    rows = []
    for at, finding in raised:
        key = (finding.type, finding.subject)
        if at - last.get(key, -_DAY) >= _DAY:
            last[key] = at
            rows.append((at, finding))
    found = [finding for _, finding in rows]
    return pd.DataFrame({
        "region": np.full(len(rows), layout.region, dtype=object),
        "alert_id": np.arange(len(rows), dtype=np.int64),
        "raised_at": np.array([at for at, _ in rows], dtype=np.int64),
        "type": np.array([one.type for one in found], dtype=object),
        "location": np.array([layout.location_name(one.location) for one in found], dtype=object),
        "item": np.array([layout.item_name(one.item) for one in found], dtype=object),
        "document_id": _or_null([one.document_id for one in found]),
        "interface": np.array([INTERFACES[one.interface] if one.interface >= 0 else "" for one in found], dtype=object),
        "sequence": _or_null([one.sequence for one in found]),
        "score": np.array([one.score for one in found], dtype=np.float64),
        "deadline": np.full(len(rows), NULL, dtype=np.int64),
        "evidence": [np.array(one.evidence, dtype=np.int64) for one in found],
    })


def _or_null(values: Sequence[int]) -> npt.NDArray[np.int64]:
    array = np.array(values, dtype=np.int64)
    return np.where(array < 0, NULL, array)
