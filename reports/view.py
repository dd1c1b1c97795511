"""A run folder, read once and shaped for people.

Figures, tables and the page all start from a :class:`View`: the manifest, the resolved
configuration, the scorecard and the tables of one run, with times as pandas stamps and absent
tables as empty ones with the right columns. A view never writes and never judges: every number it
holds was written by the run, and what the run does not hold stays absent.

Two rules:

- The *headline arm* is ``managed``; a run without it shows ``unmanaged``.
- A folder with ``replications/`` has one scorecard above and one view per seed below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from scenarios.measures.realism import Line, card
from scenarios.record import RunReader

#: Arms in the order in which they are always shown.
ARMS: tuple[str, ...] = ("clean", "unmanaged", "managed", "oracle", "fcfs")

#: The tables that a page reads, besides the daily outcomes ("arms") and the breakdowns ("breakdown").
TABLES: tuple[str, ...] = (
    "truth/exceptions", "truth/decoys", "truth/gauges", "alerts", "cases", "actions", "decisions", "governance",
)  # fmt: skip


@dataclass(frozen=True)
class Measure:
    """One line of a scorecard.

    Attributes:
        name: dotted name, as in ``scorecard.json``.
        value: the estimate; None where it is not applicable.
        unit: of value, low and high.
        low, high: the interval; None where there is none.
        n: what the estimate rests on; None where that has no meaning.
        reason: why ``value`` is None; empty otherwise.
    """

    name: str
    value: float | None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    n: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class View:
    """One run, ready to be shown.

    Attributes:
        folder: the run folder.
        manifest: ``manifest.json``.
        config: ``config.yaml``, resolved.
        measures: the scorecard, by name.
        tables: those of :data:`TABLES`, and ``arms`` and ``breakdown`` put together.
        seeds: the scorecards of the replications by seed; empty for a single run.
        realism: the realism card; empty for a scenario that claims no published world.
    """

    folder: Path
    manifest: Mapping[str, Any]
    config: Mapping[str, Any]
    measures: Mapping[str, Measure]
    tables: Mapping[str, pd.DataFrame]
    seeds: Mapping[str, Mapping[str, Measure]] = field(default_factory=dict)
    realism: tuple[Line, ...] = ()

    @property
    def scenario(self) -> str:
        """Name of the scenario."""
        return self.text("scenario", "run")

    @property
    def start(self) -> pd.Timestamp:
        """Midnight of the first simulated day."""
        return pd.Timestamp(str(self.setting("world.start", "1970-01-01")))

    @property
    def days(self) -> int:
        """Simulated days: as configured, or as recorded where the configuration gives an end date."""
        recorded = self.tables["arms"]["day"].nunique()
        return int(recorded or self.setting("world.days", 1))

    @property
    def end(self) -> pd.Timestamp:
        """The horizon: midnight after the last simulated day."""
        return self.start + pd.Timedelta(days=self.days)

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms that were run, in the order in which they are shown."""
        found = set(self.manifest.get("arms") or {}) | set(self.tables["arms"]["arm"].astype(str))
        return tuple(arm for arm in ARMS if arm in found)

    @property
    def headline_arm(self) -> str:
        """The arm whose exceptions and repairs the page follows."""
        return "managed" if "managed" in self.arms or not self.arms else self.arms[-1]

    def of_arm(self, table: str, arm: str | None = None) -> pd.DataFrame:
        """The rows of one table that belong to one arm (default: the headline arm)."""
        frame = self.tables[table]
        return frame[frame["arm"].astype(str) == (arm or self.headline_arm)]

    def operator_cases(self) -> pd.DataFrame:
        """The operator's cases of the headline arm; ids of the manual process's are not unique."""
        cases = self.of_arm("cases")
        return cases[cases["origin"] == "operator"].reset_index(drop=True)

    def setting(self, path: str, default: object = None) -> Any:
        """One value of the configuration by its dotted key, or ``default`` where it is not there."""
        node: Any = self.config
        for part in path.split("."):
            if not isinstance(node, Mapping) or part not in node:
                return default
            node = node[part]
        return default if node is None else node

    def text(self, path: str, default: str = "") -> str:
        """A choice of the configuration as a word: the value itself, or the ``name`` of its group."""
        value = self.setting(path, default)
        if isinstance(value, Mapping):
            value = value.get("name", default)
        return str(value)

    def value(self, name: str) -> float | None:
        """The value of one measure; None where it is absent or not applicable."""
        measure = self.measures.get(name)
        return measure.value if measure else None


def load(run: Path | RunReader) -> View:
    """Read one run folder.

    Args:
        run: a run folder, single or with replications, or a reader of one.

    Raises:
        RunFolderError: if it is no run folder, or is damaged.
    """
    reader = run if isinstance(run, RunReader) else RunReader(run)
    frames = {name: _named(reader.frame(name)) for name in TABLES}
    frames["arms"] = _together(reader, "arms", reader.arms)
    frames["breakdown"] = _together(reader, "breakdown", reader.breakdowns())
    seeds = {path.folder.name: _scorecard(path) for path in reader.replications()}
    return View(reader.folder, reader.manifest, reader.config, _scorecard(reader), frames, seeds, card(reader))


def _together(reader: RunReader, folder: str, names: Sequence[str]) -> pd.DataFrame:
    """The tables of one folder as one; without any, an empty one with their columns."""
    frames = [_named(reader.frame(f"{folder}/{name}")) for name in names or ("none",)]
    return pd.concat(frames, ignore_index=True)


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """Categories as plain strings: two files need not share them, and groups would show absent ones."""
    names = [name for name, kind in frame.dtypes.items() if isinstance(kind, pd.CategoricalDtype)]
    return frame.astype(dict.fromkeys(names, "str"))


def _scorecard(reader: RunReader) -> dict[str, Measure]:
    entries = (reader.scorecard or {}).get("measures", {})
    return {
        name: Measure(
            name,
            entry.get("value"),
            entry.get("unit") or "",
            entry.get("low"),
            entry.get("high"),
            entry.get("n"),
            entry.get("reason") or "",
        )
        for name, entry in entries.items()
    }
