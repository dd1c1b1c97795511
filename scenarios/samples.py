"""What is compared: for each scenario and entrant of a run, the values of every seed.

A run folder is one sample, with one seed or one a replication; a benchmark's folder has one for every scenario and
entrant. Whatever compares (``compare``, ``gate``) sees samples only. Two rules:

- The configuration of a sample is what was set, flat, by dotted key, without what says where and how a run is
  carried out, without seeds (they stand by themselves) and without what the run only carries along for its readers.
  Of a benchmark it is that of the cell alone (:mod:`scenarios.cells`): another entrant changes no other cell.
- A failed trial of a benchmark counts as :func:`scenarios.measures.trials.charged` and ``counted`` there say.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from scenarios import cells
from scenarios.errors import UserError
from scenarios.manifest import MANIFEST, canonical_json
from scenarios.measures.trials import FOLDER, Trial, charged, counted, read_trials
from scenarios.reader import RunReader

#: Keys that change no result, and those that the seeds stand for.
_PLACED: Final = frozenset({"out", "overwrite", "workers", "engine", "realism", "seed", "replications"})
#: What a run folder carries for its readers; none of it is a key that can be set.
_CARRIED: Final = frozenset({"types", "assumptions", "capacity_minutes_per_day", "left_out"})
#: Tables whose rows are counted, and what they are called.
_COUNTED: Final = {
    "alerts": "alerts", "cases": "cases", "actions": "actions",
    "truth/exceptions": "exceptions", "truth/faults": "faults",
}


@dataclass(frozen=True)
class Sample:
    """One scenario and entrant over seeds.

    Attributes:
        name: ``scenario``, or ``scenario/entrant`` of a benchmark.
        config: what was set, by dotted key; empty where it was not kept.
        seeds: in rising order.
        values: measure -> one value a seed in the order of ``seeds``; None where it has none.
        units: measure -> unit.
        reasons: measure -> why a seed has no value, the first that was given.
        hashes: seed -> stream (an arm, or a benchmark's ``event_hash``) -> hash.
        counts: seed -> what is counted -> how many.
        failed: seed -> how its trial failed.
        folders: seed -> its run folder; empty for a benchmark.
    """

    name: str
    config: Mapping[str, Any]
    seeds: tuple[int, ...]
    values: Mapping[str, tuple[float | None, ...]]
    units: Mapping[str, str]
    reasons: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    counts: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    failed: Mapping[int, str] = field(default_factory=dict)
    folders: Mapping[int, Path] = field(default_factory=dict)

    @property
    def scenario(self) -> str:
        """The scenario, without the entrant."""
        return self.name.split("/", maxsplit=1)[0]

    def of(self, measure: str, seeds: tuple[int, ...]) -> list[float | None]:
        """The values of a measure on these seeds; None where there is none."""
        known = dict(zip(self.seeds, self.values.get(measure, ()), strict=False))
        return [known.get(seed) for seed in seeds]


def hash_of(config: Mapping[str, Any]) -> str:
    """SHA-256 of a flat configuration."""
    return hashlib.sha256(canonical_json(dict(config)).encode()).hexdigest()


def read_samples(folder: Path) -> list[Sample]:
    """The samples of a run folder or of a benchmark's folder, by name.

    Raises:
        UserError: if it is neither, or is damaged.
    """
    if (folder / FOLDER).is_dir():
        return _of_bench(folder)
    if (folder / MANIFEST).is_file():
        return [_of_run(folder)]
    raise UserError(f"{folder}: is neither a run folder (no {MANIFEST}) nor a benchmark's (no {FOLDER}/)")


def _of_run(folder: Path) -> Sample:
    above = RunReader(folder)
    readers = above.replications() or [above]
    by_seed = dict(sorted((int(reader.manifest["seed"]), reader) for reader in readers))
    cards = {seed: _measures(reader) for seed, reader in by_seed.items()}
    names = list(dict.fromkeys(name for card in cards.values() for name in card))
    config = _flat_config(next(iter(by_seed.values())).config)
    return Sample(
        name=str(config.get("scenario", "run")),
        config=config,
        seeds=tuple(by_seed),
        values={name: tuple(_value(card.get(name, {})) for card in cards.values()) for name in names},
        units={name: _first(card.get(name, {}).get("unit") for card in cards.values()) for name in names},
        reasons={name: _first(card.get(name, {}).get("reason") for card in cards.values()) for name in names},
        hashes={seed: dict(reader.manifest.get("arms", {})) for seed, reader in by_seed.items()},
        counts={seed: _counts(reader.manifest) for seed, reader in by_seed.items()},
        folders={seed: reader.folder for seed, reader in by_seed.items()},
    )


def _measures(reader: RunReader) -> Mapping[str, Mapping[str, Any]]:
    try:
        card = reader.scorecard
    except (OSError, ValueError) as error:
        raise UserError(f"{reader.folder}: scorecard.json cannot be read: {error}") from error
    if not card or not isinstance(card.get("measures"), dict):
        raise UserError(f"{reader.folder}: has no scorecard.json with measures")
    measures: Mapping[str, Mapping[str, Any]] = card["measures"]
    return measures


def _value(measure: Mapping[str, Any]) -> float | None:
    value = measure.get("value")
    return None if value is None else float(value)


def _first(texts: Iterator[str | None]) -> str:
    return next((text for text in texts if text), "")


def _counts(manifest: Mapping[str, Any]) -> dict[str, int]:
    tables = manifest.get("tables", {})
    rows = {name: int(manifest[name]) for name in ("rows", "business_rows") if manifest.get(name) is not None}
    named = {word: tables.get(f"{name}.parquet") for name, word in _COUNTED.items()}
    return rows | {word: int(count) for word, count in named.items() if count is not None}


def _flat_config(config: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in config.items() if key not in _PLACED | _CARRIED}
    return dict(sorted(_flat(kept)))


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys; lists and values stand as they are, an empty table says nothing."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _of_bench(folder: Path) -> list[Sample]:
    """A sample for each scenario and entrant: on its test seeds, or on all where the suite sets none apart."""
    trials = read_trials(folder)
    if not trials:
        raise UserError(f"{folder}: its {FOLDER} folder holds no finished trial")
    if any(trial.split == "test" for trial in trials):
        trials = [trial for trial in trials if trial.split == "test"]
    suite = cells.read_suite(folder)
    groups = itertools.groupby(charged(trials), key=lambda trial: (trial.scenario, trial.entrant))
    return [_of_trials(list(group), cells.config_of(suite, *place)) for place, group in groups]


def _of_trials(trials: list[Trial], config: dict[str, Any]) -> Sample:
    trials = sorted(trials, key=lambda trial: trial.seed)
    names = list(dict.fromkeys(name for trial in trials for name in trial.measures))
    return Sample(
        name=f"{trials[0].scenario}/{trials[0].entrant}",
        config=config,
        seeds=tuple(trial.seed for trial in trials),
        values={name: tuple(counted(trial, name) for trial in trials) for name in names},
        units={name: _first(trial.measures.get(name, {}).get("unit") for trial in trials) for name in names},
        reasons={name: _first(trial.measures.get(name, {}).get("reason") for trial in trials) for name in names},
        hashes={trial.seed: {"event_hash": trial.event_hash} for trial in trials if trial.event_hash},
        counts={trial.seed: _trial_counts(trial) for trial in trials},
        failed={trial.seed: trial.status for trial in trials if not trial.ok},
    )


def _trial_counts(trial: Trial) -> dict[str, int]:
    """What a trial keeps of the sizes of its tables: exceptions that were to be found, incidents raised."""
    incidents = trial.measures.get("detection.precision", {}).get("n")
    found = {"exceptions": sum(int(entry.get("n") or 0) for entry in trial.by_type.values())}
    return found if incidents is None else found | {"incidents": int(incidents)}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Where two configurations differ, key by key: ``key: before -> after``."""
    absent = object()
    return [
        f"{key}: {_told(before.get(key, absent), absent)} -> {_told(after.get(key, absent), absent)}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key, absent) != after.get(key, absent)
    ]


def _told(value: Any, absent: object) -> str:
    return "not there" if value is absent else json.dumps(value, default=str)
