"""Whatever the project names occurs in its standard scenarios: every type ten times, every word of the stream once."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from joblib import Parallel, delayed

from scenarios.compose import compose
from scenarios.groups import options
from sim.actions import Action
from sim.events import CODES, DOCUMENT_TYPES, EVENT_TYPES, INTERFACES, SOURCES, STATUSES, UNITS, Rows
from sim.faults.types import BY_NAME, EXCEPTIONS
from sim.world import RegionWorld

SEEDS = range(1, 11)
INSTANCES = 10
_STRINGS = {"status": STATUSES, "code": CODES, "document_type": DOCUMENT_TYPES, "source": SOURCES,
            "interface": INTERFACES, "uom": UNITS}
#: What only an operator's action brings (a receipt is reversed, 102, by a remedy alone), and so no unmanaged arm. That
#: actions bring them is held by tests/scenarios/test_sometimes.py.
_OF_THE_OPERATOR = {("event_type", "acting"), ("source", "OPS"), ("document_type", "action"), ("status", "done"),
                    ("code", "102")}


class _Words:
    """Counts the words of a stream as it passes."""

    def __init__(self) -> None:
        self.seen: Counter[tuple[str, str]] = Counter()

    def step(self, now: int, rows: Rows) -> list[Action]:
        del now
        for block in rows:
            self.seen["event_type", EVENT_TYPES[block.event_type]] += len(block)
            for name, strings in _STRINGS.items():
                codes, counts = np.unique(block.get(name), return_counts=True)
                self.seen.update({(name, strings[c]): n for c, n in zip(codes.tolist(), counts.tolist(), strict=True)
                                  if c >= 0})
        return []


def _watch(scenario: str, seed: int) -> tuple[str, Counter[tuple[str, str]]]:
    """What one region of a scenario's unmanaged arm says, and what goes wrong in it; the large ones with 20 shops."""
    experiment = compose([f"scenario={scenario}", f"seed={seed}", "world.stores=20", "world.regions=1"])
    words, world = _Words(), RegionWorld(experiment, seed, 0)
    world.run(words.step)
    truth = world.room.truth
    words.seen.update(("exception", name) for name in truth.exceptions.type)
    words.seen.update(("latent", name) for name, at in zip(truth.exceptions.type, truth.exceptions.first_evidence_at,
                                                           strict=True) if at < 0)
    words.seen.update(("fault", name) for name in truth.faults.type)
    words.seen.update(("decoy", name) for name in truth.decoys.kind)
    return scenario, words.seen


@pytest.mark.campaign
def test_every_type_ten_times_and_every_word_once():
    tasks = [(scenario, seed) for scenario in options("scenario") for seed in SEEDS]
    pooled: Counter[tuple[str, str]] = Counter()
    for _, seen in Parallel(n_jobs=2)(delayed(_watch)(*task) for task in tasks):
        pooled += seen
    print(f"\n{len(tasks)} runs\n{'type':22}{'faults':>9}{'exceptions':>12}{'latent':>8}")  # noqa: T201
    for name in BY_NAME:
        counts = (pooled["fault", name], pooled["exception", name], pooled["latent", name])
        print(f"{name:22}{counts[0]:>9,}{counts[1]:>12,}{counts[2]:>8,}")  # noqa: T201 - a campaign reports
    rare = {name for name in BY_NAME if pooled["exception" if name in EXCEPTIONS else "fault", name] < INSTANCES}
    assert rare == set()
    declared = {(name, word) for name, strings in _STRINGS.items() for word in strings}
    declared |= {("event_type", word) for word in EVENT_TYPES}
    assert declared - set(pooled) == _OF_THE_OPERATOR
    confounders = {"promotion_spike", "seasonal_peak", "planned_maintenance", "valid_late_update", "store_closing"}
    assert confounders - {word for name, word in pooled if name == "decoy"} == set()
