"""The scorecard of one run: every declared measure, each with a value or a reason."""

from __future__ import annotations

from typing import Final

from scenarios.measure_names import MEASURES, pair_of
from scenarios.measures import business, classification, detection, repair
from scenarios.measures.appendix import measure_ranges
from scenarios.measures.card import Result, Scorecard, in_order
from scenarios.measures.detecting import Detection, detect
from scenarios.measures.diagnosing import diagnosed
from scenarios.measures.grid import measure_grid
from scenarios.measures.run import Run
from scenarios.reader import RunReader

NO_MANAGED: Final = "the arm managed was not run"
NO_UNMANAGED: Final = "the arm unmanaged was not run"
NO_ORACLE: Final = "the arm oracle was not run"


def score(reader: RunReader) -> Scorecard:
    """The scorecard and the breakdowns of one run folder."""
    run = Run(reader)
    card = Scorecard()
    card.put(business.measure_business(run))
    card.parts += business.break_down(run)
    shadow = _detect(run, "unmanaged")
    if run.has("unmanaged"):
        _put_shadow(run, card, shadow)
    if run.has("managed"):
        managed = _detect(run, "managed")
        loop = detection.measure_detection(run, managed, "managed")
        card.put({f"detection.loop.{name}": result for name, result in loop.items()})
        _put_grid(run, card, "managed", "detection.loop")
        card.put(repair.measure_repair(run, managed, shadow.exceptions))
        card.parts += detection.break_down(run, managed, "detection.loop", "managed")
        card.parts += repair.break_down(run, managed)
        # An operator that did nothing in shadow has no other diagnoses.
        names = ("classification.loop", "classification") if shadow.cases.empty else ("classification.loop",)
        _put_diagnosis(run, card, managed, "managed", *names)
    if run.has("oracle"):
        exceptions = run.table("truth/exceptions", "oracle")
        card.put({"oracle.mttr_hours": repair.time_to_restore(run, exceptions)["mttr_hours"]})
    _fill(card, run)
    card.measures = {name: card.measures[name] for name in in_order(card.measures)}
    return card


def _detect(run: Run, arm: str) -> Detection:
    return detect(run, arm, run.of_operator("alerts", arm), run.of_operator("cases", arm))


def _put_grid(run: Run, card: Scorecard, arm: str, prefix: str) -> None:
    """What the detectors' scores on the grid are worth."""
    result, parts = measure_grid(run, arm, prefix)
    card.put({f"{prefix}.auc_pr": result})
    card.put({f"{prefix}.{name}": found for name, found in measure_ranges(run, arm).items()})
    card.parts += parts


def _put_diagnosis(run: Run, card: Scorecard, found: Detection, arm: str, *prefixes: str) -> None:
    """What the cases of an arm were taken for, and what else is told of cases where they are those of shadow."""
    cases = diagnosed(run, found, arm)
    results = classification.measure_classification(run, found, arm, cases)
    for prefix in prefixes:
        card.put({f"{prefix}.{name}": result for name, result in results.items()})
        card.parts += classification.break_down(cases, prefix)
    if "classification" in prefixes:
        card.put(classification.measure_cases(run, found, arm, cases))


def _put_shadow(run: Run, card: Scorecard, shadow: Detection) -> None:
    """The operator over the unmanaged stream, detector by detector too, and the manual process beside it."""
    results = detection.measure_detection(run, shadow, "unmanaged")
    card.put({f"detection.{name}": result for name, result in results.items()})
    _put_grid(run, card, "unmanaged", "detection")
    _put_diagnosis(run, card, shadow, "unmanaged", "classification")
    card.parts += detection.break_down(run, shadow, "detection", "unmanaged")
    card.parts += detection.by_detector(run, shadow)
    manual = detect(run, "unmanaged", run.of_manual("alerts", "unmanaged"), run.of_manual("cases", "unmanaged"))
    times = detection.measure_detection(run, manual, "unmanaged")
    card.put({"manual.mttd_hours": times["mttd_hours"]})
    card.put({"manual.mttr_hours": repair.time_to_restore(run, shadow.exceptions)["mttr_hours"]})


def _fill(card: Scorecard, run: Run) -> None:
    """Every declared name is in the scorecard: what nothing gave has a reason."""
    missing: dict[str, Result] = {}
    for entry in MEASURES:
        if entry.name in card.measures or pair_of(entry.name) is not None:
            continue
        if entry.name.startswith("oracle."):
            missing[entry.name] = NO_ORACLE
            continue
        looped = entry.name.startswith(("detection.loop.", "classification.loop.", "repair.", "queue."))
        missing[entry.name] = NO_MANAGED if looped and not run.has("managed") else NO_UNMANAGED
    card.put(missing)
