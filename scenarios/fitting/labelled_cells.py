"""Labelled cells: what a model of silent cells would be shown each morning, beside whether the goods were there.

A development seed is run with nobody acting. Each morning the candidates are described as a detector would describe
them (:func:`detection.detectors.daily.describe`); afterwards the truth tells on which of those mornings the cell was
phantom stock. All of these are kept, and of the healthy ones a share by lot, each with the number it stands for.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from detection.detectors.boosted import LABEL, WEIGHT
from detection.detectors.daily import FIGURES, describe
from detection.views.state import Views
from scenarios.operator_spec import layout_of, operator_spec
from scenarios.schema import Experiment
from sim.actions import Action
from sim.catalogue import region_count
from sim.events import Rows
from sim.truth import NOT_YET
from sim.world import RegionWorld

TYPE = "phantom_stock"
#: Healthy cells that are kept for each that is not.
HEALTHY = 4
#: Rows of a table, at most: more teach four figures nothing, and take room in a package. Digits after the point.
ROWS_MAX = 12_000
DIGITS = 3


def labelled_cells(experiment: Experiment) -> pd.DataFrame:
    """The described cells of one scenario and seed.

    Args:
        experiment: composed and validated; its detector plays no part.

    Returns:
        A row a cell and morning: :data:`~detection.detectors.daily.FIGURES`, ``is_phantom`` (0 or 1) and ``weight``.
    """
    parts = [_of_region(experiment, region) for region in range(region_count(experiment))]
    return pd.concat(parts, ignore_index=True)


def lot_of(cells: pd.DataFrame) -> pd.DataFrame:
    """A table of at most :data:`ROWS_MAX` rows, by lot, each standing for so many more."""
    kept = cells.sample(n=min(len(cells), ROWS_MAX), random_state=0).sort_index()
    return kept.assign(**{WEIGHT: (kept[WEIGHT] * len(cells) / len(kept)).round(DIGITS)})


def _of_region(experiment: Experiment, region: int) -> pd.DataFrame:
    world = RegionWorld(experiment, experiment.seed, region)
    vocabulary = world.room.vocabulary
    views = Views(layout_of(experiment, vocabulary, region), operator_spec(experiment, vocabulary.locations))
    mornings = []

    def step(now: int, rows: Rows) -> list[Action]:
        views.update(now, rows)
        if views.is_new_day and views.cells.trading_days >= 2:
            features, cell = describe(views)
            mornings.append(pd.DataFrame(features, columns=list(FIGURES)).assign(cell=cell, now=now))
        return []

    world.run(step)
    table = pd.concat(mornings, ignore_index=True) if mornings else pd.DataFrame(columns=[*FIGURES, "cell", "now"])
    return _thinned(_labelled(table, world), np.random.default_rng([experiment.seed, region]))


def _labelled(table: pd.DataFrame, world: RegionWorld) -> pd.DataFrame:
    e, items = world.room.truth.exceptions, world.room.items
    is_phantom = np.zeros(len(table), dtype=np.bool_)
    for number in np.flatnonzero(np.array(e.type, dtype=object) == TYPE).tolist():
        cell = e.location[number] * items + e.item[number]
        closed = e.closed_at[number]
        at = table["now"]
        lasts = (at >= e.opened_at[number]) & ((at < closed) | (closed == NOT_YET))
        is_phantom |= ((table["cell"] == cell) & lasts).to_numpy()
    return table.drop(columns=["cell", "now"]).assign(**{LABEL: is_phantom.astype(np.int64)})


def _thinned(table: pd.DataFrame, draw: np.random.Generator) -> pd.DataFrame:
    """All cells that are wrong, and of the healthy ones as many as :data:`HEALTHY` says."""
    wrong, healthy = (np.flatnonzero(table[LABEL] == label) for label in (1, 0))
    kept = min(len(healthy), HEALTHY * max(1, len(wrong)))
    chosen = np.sort(draw.choice(healthy, kept, replace=False)) if kept else healthy
    weight = np.ones(len(table))
    weight[chosen] = len(healthy) / max(1, kept)
    rows = np.sort(np.concatenate([wrong, chosen]))
    return table.assign(**{WEIGHT: weight}).iloc[rows].round(DIGITS)
