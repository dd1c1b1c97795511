"""The baseline of a gate: a YAML file that is committed and reviewed like code.

It holds what a run is held against, and nothing that a reviewer cannot read: hashes and counts of every seed, the
values of every gated measure, their margins, and the configuration of each cell (a scenario, or a scenario and an
entrant of a benchmark). Margins and the rate of false failures are the reviewer's: an update keeps them. The file is
written whole or not at all, and equal content gives equal bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import yaml

from scenarios.errors import UserError, choices
from scenarios.manifest import write_file
from scenarios.measure_names import direction_of, margin_of
from scenarios.measures.replications import RATIOS
from scenarios.samples import Sample, hash_of

SCHEMA: Final = 1
#: Chance of a failure of a program that did not get worse, over all that one call of the gate judges.
RATE: Final = 0.05
#: Measures that are gated unless the user names others: few, since each more makes all others harder to fail.
GATED: Final = (
    "detection.recall", "detection.recall_inferred", "detection.precision", "detection.false_alarms_per_location_day",
    "detection.mttd_hours", "classification.fault_macro_f1", "repair.mttr_hours", "repair.wrongful",
    "business.managed.loss_value",
)
_MARGIN: Final = re.compile(r"(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)(%?)")
#: Digits that a value keeps: far more than any margin sees, few enough to read.
_DIGITS: Final = 12
_SEQUENCE: Final = "tag:yaml.org,2002:seq"
_MAPPING: Final = "tag:yaml.org,2002:map"
_NO_RATIO: Final = "is a ratio of sums over seeds; gate business.managed.loss_value instead"
_NEITHER: Final = "neither a higher nor a lower value is better, it cannot be gated"
_HEAD: Final = """\
# What `stocktwin gate RUN --baseline THIS` holds a run against; `--update` writes it anew and keeps rate and margins.
# rate: chance that a program which did not get worse fails one call. margins: by how much a measure may get worse,
# in its unit, or in percent of its mean here. Hashes, counts and values are by seed.
"""


@dataclass(frozen=True)
class Baseline:
    """What a run is held against.

    Attributes:
        version: of the program that made it.
        lock: SHA-256 of the lock file it was made under; None where there was none.
        rate: chance of a false failure of one call.
        margins: gated measure -> ``0.02`` in its unit, or ``5%`` of its mean.
        cells: name -> sample, gated measures only.
    """

    version: str
    lock: str | None
    rate: float
    margins: Mapping[str, str]
    cells: Mapping[str, Sample]


def margin_size(text: str, values: Sequence[float | None]) -> float:
    """A margin in the unit of its measure.

    Args:
        text: ``0.02``, or ``5%`` of the mean of the values.
        values: those of the baseline; None is passed over.
    """
    number, percent = _parse_margin(text)
    if not percent:
        return number
    known = [value for value in values if value is not None]
    return abs(sum(known) / len(known)) * number / 100 if known else 0.0


def _parse_margin(text: str) -> tuple[float, bool]:
    found = _MARGIN.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    return float(found[1]), bool(found[2])


def make(
    samples: Sequence[Sample], *, version: str, lock: str | None, before: Baseline | None, measures: Sequence[str] = ()
) -> Baseline:
    """The baseline of a run.

    Args:
        samples: of the run.
        version: of the program.
        lock: hash of the lock file.
        before: what it replaces; its rate, its measures and their margins stay.
        measures: what is gated, instead of what was before or is usual.

    Raises:
        UserError: if a measure is not in the run, says neither good nor bad, or has no value at all.
    """
    known = {name for sample in samples for name in sample.values}
    valued = {name for sample in samples for name, row in sample.values.items() if any(v is not None for v in row)}
    for name in measures:
        if name not in known:
            raise UserError(f"--measures {name}: not in the run; {choices(known, name)}")
        if name in RATIOS:
            raise UserError(f"--measures {name}: {_NO_RATIO}")
        if direction_of(name) == "neutral":
            raise UserError(f"--measures {name}: {_NEITHER}")
        if name not in valued:
            reason = next((sample.reasons.get(name) for sample in samples if sample.reasons.get(name)), "no value")
            raise UserError(f"--measures {name}: has no value in the run: {reason}")
    held = before.margins if before is not None else {}
    gated = measures or [name for name in held or GATED if name in valued]
    if not gated:
        raise UserError(f"the run has a value for none of the gated measures: {', '.join(held or GATED)}")
    return Baseline(
        version, lock, before.rate if before is not None else RATE,
        {name: held.get(name, margin_of(name)) for name in gated},
        {sample.name: _gated(sample, gated) for sample in samples},
    )


def _gated(sample: Sample, gated: Sequence[str]) -> Sample:
    values = {name: tuple(map(_rounded, sample.values.get(name, (None,) * len(sample.seeds)))) for name in gated}
    return replace(sample, values=values, reasons={}, folders={})


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_DIGITS}g}")


def write(path: Path, baseline: Baseline) -> None:
    """Write a baseline, whole or not at all.

    Raises:
        UserError: if it cannot be written.
    """
    shared = _shared([dict(cell.config) for cell in baseline.cells.values()])
    content = {
        "schema": SCHEMA, "version": baseline.version, "lock": baseline.lock, "rate": baseline.rate,
        "margins": {name: text if text.endswith("%") else float(text) for name, text in baseline.margins.items()},
        "cells": {name: _cell(cell, shared) for name, cell in baseline.cells.items()},
        "config": shared,
    }
    text = _HEAD + yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6)
    try:
        write_file(path, text.encode())
    except OSError as error:
        raise UserError(f"--baseline {path}: cannot be written: {(error.strerror or str(error)).lower()}") from error


class _OneLine(dict[Any, Any]):
    """A table that is written on one line."""


class _Dumper(yaml.SafeDumper):
    """YAML with lists and :class:`_OneLine` tables on a line of their own, and no anchors: a seed is a line."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


_Dumper.add_representer(list, lambda dumper, data: dumper.represent_sequence(_SEQUENCE, data, flow_style=True))
_Dumper.add_representer(_OneLine, lambda dumper, data: dumper.represent_mapping(_MAPPING, data, flow_style=True))


def _cell(cell: Sample, shared: Mapping[str, Any]) -> dict[str, Any]:
    own = {key: value for key, value in cell.config.items() if key not in shared}
    return {
        "config_hash": hash_of(cell.config),
        "seeds": list(cell.seeds),
        "failed": _OneLine(cell.failed),
        "hashes": {seed: _OneLine(streams) for seed, streams in cell.hashes.items()},
        "counts": {seed: _OneLine(counts) for seed, counts in cell.counts.items()},
        "units": _OneLine({name: cell.units.get(name, "") for name in cell.values}),
        "values": {name: list(values) for name, values in cell.values.items()},
        "config": own,
    }


def _shared(configs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The keys that every cell sets alike."""
    first = configs[0] if configs else {}
    return {key: value for key, value in first.items() if all(key in c and c[key] == value for c in configs)}


def read(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        FileNotFoundError: if there is none.
        UserError: if the file is no baseline; the message names the key.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"--baseline {path}: cannot be read: {type(error).__name__}") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise UserError(f"--baseline {path}: is no baseline of a gate (schema {SCHEMA})")
    try:
        return _parsed(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"--baseline {path}: {type(error).__name__} at {error}; write it anew with --update") from error
    except UserError as error:
        raise UserError(f"--baseline {path}: {error}") from error


def _parsed(content: Mapping[str, Any]) -> Baseline:
    rate = float(content["rate"])
    if not 0 < rate < 1:
        raise UserError(f"rate={rate:g}: must lie between 0 and 1")
    margins = {str(name): str(margin) for name, margin in content["margins"].items()}
    for name, margin in margins.items():
        if name in RATIOS:
            raise UserError(f"margins.{name}: {_NO_RATIO}")
        try:
            _parse_margin(margin)
        except ValueError:
            raise UserError(f"margins.{name}={margin}: must be a number, or a percentage like 5%") from None
        if direction_of(name) == "neutral":
            raise UserError(f"margins.{name}: {_NEITHER}")
    shared = content.get("config") or {}
    cells = {str(name): _sample(str(name), cell, shared) for name, cell in content["cells"].items()}
    return Baseline(str(content["version"]), content["lock"], rate, margins, cells)


def _sample(name: str, cell: Mapping[str, Any], shared: Mapping[str, Any]) -> Sample:
    seeds = tuple(int(seed) for seed in cell["seeds"])
    values = {str(measure): tuple(None if v is None else float(v) for v in row) for measure, row in
              cell["values"].items()}
    for measure, row in values.items():
        if len(row) != len(seeds):
            raise UserError(f"cells.{name}.values.{measure}: {len(row)} values for {len(seeds)} seeds")
    return Sample(
        name=name, config=dict(sorted({**shared, **cell["config"]}.items())), seeds=seeds, values=values,
        units={str(measure): str(unit) for measure, unit in cell["units"].items()},
        hashes={int(seed): dict(row) for seed, row in cell["hashes"].items()},
        counts={int(seed): {str(k): int(v) for k, v in row.items()} for seed, row in cell["counts"].items()},
        failed={int(seed): str(status) for seed, status in cell["failed"].items()},
    )
