"""One region run to its end in this process, and what was seen of it and what was true: for twins and for clues."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from sim.actions import Action
from sim.config import Config
from sim.events import COLUMNS, EVENT_TYPES, Block, Rows
from sim.truth import Truth
from sim.world import RegionWorld


@dataclass
class Onlooker:
    """Keeps every row it is shown, and asks for nothing."""

    blocks: list[Block] = field(default_factory=list, kw_only=True)

    def step(self, _now: int, rows: Rows) -> list[Action]:
        """See :data:`sim.world.Step`."""
        self.blocks.extend(rows)
        return []


@dataclass
class Played:
    """A region that was run, and what was seen of it."""

    world: RegionWorld
    watcher: Onlooker

    @property
    def truth(self) -> Truth:
        """What was true."""
        return self.world.room.truth

    @property
    def rows(self) -> pd.DataFrame:
        """Every visible row in order; codes and nulls as in memory, ``event_type`` by name."""
        blocks = self.watcher.blocks
        table: dict[str, Any] = {
            name: np.concatenate([block.get(name) for block in blocks]) for name in COLUMNS if name != "event_type"
        }
        kinds = np.repeat([block.event_type for block in blocks], [len(block) for block in blocks])
        table["event_type"] = np.asarray(EVENT_TYPES)[kinds]
        order = np.lexsort((table["event_id"], table["available_at"]))
        return pd.DataFrame({name: values[order] for name, values in table.items()})

    def of(self, event_type: str) -> pd.DataFrame:
        """The rows of one type."""
        rows = self.rows
        return rows[rows.event_type == event_type]

    def faults(self, type_name: str | None = None) -> pd.DataFrame:
        """The faults that acted, with their number; of one type where it is given."""
        table = pd.DataFrame(vars(self.truth.faults))
        table["number"] = np.arange(len(table))
        return table if type_name is None else table[table.type == type_name]

    def lineage(self) -> set[tuple[int, int]]:
        """(event id, fault id) of every link."""
        truth = self.truth
        if not truth.lineage_events:
            return set()
        pairs = zip(np.concatenate(truth.lineage_events).tolist(), np.concatenate(truth.lineage_faults).tolist(),
                    strict=True)
        return set(pairs)

    @property
    def end(self) -> int:
        """End of the run, microseconds."""
        return self.world.room.calendar.end


def play(config: Config, seed: int, region: int = 0) -> Played:
    """Run one region to its end with nobody but the manual process at work."""
    watcher = Onlooker()
    world = RegionWorld(config, seed, region)
    world.run(watcher.step)
    return Played(world, watcher)
