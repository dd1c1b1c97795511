"""Labelled cases: what a shadow operator knew of each of its cases, beside the fault that was behind it.

A development seed is run without anybody acting on it. A *witness* stands where the classifier does: it notes the
evidence that a classifier would be shown and says nothing of the fault, so that what is learned does not hang on the
classifier that was in force. Afterwards each case is matched with the exception it is about by the rules of the
measures (:mod:`scenarios.measures.detecting`), and the exception's first fault is its label. Cases that are about
nothing have none and are left out: confidence is the probability that the fault is right, given that something is
wrong. Labels never leave this room but as fitted numbers.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from detection.cases import Case
from detection.classifiers.base import Diagnosis
from detection.classifiers.evidence import evidence_of
from detection.pipeline import build
from detection.views.state import Views
from scenarios.arms import identify, write_tables
from scenarios.loop import put_down, shadow
from scenarios.measures.detecting import detect
from scenarios.measures.diagnosing import diagnosed
from scenarios.measures.run import Run
from scenarios.operator_spec import layout_of, operator_seed, operator_spec
from scenarios.reader import RunReader
from scenarios.record import RunWriter
from scenarios.schema import Experiment
from sim.catalogue import region_count
from sim.world import RegionWorld

ARM = "unmanaged"


class Witness:
    """Notes the evidence of each case of one region."""

    version = "witness"

    def __init__(self, region: str) -> None:
        self._region = region
        self.noted: list[dict[str, object]] = []

    def classify(self, case: Case, related: Sequence[Case], views: Views) -> Diagnosis:
        """The alert's own type, fault unknown."""
        self.noted.append({"region": self._region, "case_id": case.case_id, "found": case.finding.type,
                           **evidence_of(case, related, views)})
        return Diagnosis(case.finding.type)

    def learn(self, case: Case) -> None:
        """Nothing."""
        del case


def labelled_cases(experiment: Experiment) -> pd.DataFrame:
    """The cases of one scenario and seed that are about something.

    Args:
        experiment: composed and validated; its classifier plays no part.

    Returns:
        A row a case: ``type`` of the alert, ``fault`` behind it, ``seed``, and its evidence by name (NaN where
        cases of its type have none of that name).
    """
    with tempfile.TemporaryDirectory(prefix="stocktwin-fit-") as place:
        folder = Path(place) / "run"
        noted = _run(experiment, folder)
        run = Run(RunReader(folder))
        found = detect(run, ARM, run.of_operator("alerts", ARM), run.of_operator("cases", ARM))
        cases = diagnosed(run, found, ARM)[["region", "case_id", "fault_type_true"]]
    table = cases.merge(noted, on=["region", "case_id"], validate="one_to_one")
    table = table.drop(columns=["region", "case_id"]).rename(columns={"fault_type_true": "fault", "found": "type"})
    return table.assign(seed=experiment.seed)


def _run(experiment: Experiment, folder: Path) -> pd.DataFrame:
    """Run the shadow arm into a folder; returns what the witnesses noted."""
    noted: list[dict[str, object]] = []
    with RunWriter(folder) as writer:
        spill = writer.path("spill/tables").parent
        results = []
        for region in range(region_count(experiment)):
            world = RegionWorld(experiment, experiment.seed, region)
            vocabulary, witness = world.room.vocabulary, Witness(f"R{region + 1}")
            spec = dataclasses.replace(operator_spec(experiment, vocabulary.locations), classifier="none")
            operator = build(spec, layout_of(experiment, vocabulary, region),
                             operator_seed(experiment.seed, region), classifier=witness)
            world.run(shadow(operator))
            operator.close()
            results.append(put_down(world, ARM, operator, spill))
            noted += witness.noted
        write_tables(writer, results)
        shutil.rmtree(spill)
        writer.write_text("audit.jsonl", "".join(f"{line}\n" for result in results for line in result.audit))
        identify(experiment, writer, results, (ARM,))
    return pd.DataFrame(noted)
