"""What goes over the pipe to a detector elsewhere, and what comes back.

Out goes a hello, which says what the stream and its words are, and then one message a step with the rows
that became visible. Back comes one line of JSON a step with the findings. Names stand for codes, integers
for ids and times (microseconds since 1970), and what is null is left out. There is nothing else: no truth,
no label, no path.

As JSON lines the hello is the first line, and a step is ``{"now": ..., "rows": [{...}, ...]}``. As an Arrow
stream the hello is the schema's metadata under ``stocktwin``, and a step is one record batch, whose own
metadata holds ``now`` and ``blocks``, the sizes of the runs of one event type.
"""

from __future__ import annotations

import dataclasses
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from detection.detectors.base import DetectorContext
from detection.keys import key_id
from detection.layout import Layout
from detection.remedies import KIND_OF_STEP, TEAM_OF_KIND
from detection.spec import OperatorSpec
from detection.taxonomy import CAUSES, FAULT_TYPES, FIELDS_OF_SCOPE, SCOPE_OF_TYPE, UNKNOWN, Finding
from sim.events import COLUMNS, EVENT_TYPES, INTERFACES, NO_CODE, NULL, Block, Rows, Vocabulary

PROTOCOL = 1
#: Settings of the operator that a detector reads.
_SETTINGS = ("service_hours", "grace_minutes", "silence_probability", "loss_floor", "horizon_days", "parameters")
_HELLO, _NOW, _BLOCKS = b"stocktwin", b"now", b"blocks"


class InvalidAnswer(ValueError):  # noqa: N818 - it is what came back
    """A line that is no answer; the message says why."""


def hello(context: DetectorContext) -> dict[str, Any]:
    """What a detector is told before the first step."""
    layout, words = context.layout, context.layout.vocabulary
    return {
        "stocktwin": PROTOCOL,
        "region": layout.region, "opens": layout.opens, "closes": layout.closes, "seed": seed_of(context),
        "locations": words.locations, "items": words.items, "suppliers": words.suppliers,
        "interfaces": INTERFACES, "event_types": EVENT_TYPES, "columns": dict(COLUMNS),
        "types": {name: FIELDS_OF_SCOPE[scope] for name, scope in SCOPE_OF_TYPE.items()},
        "settings": {name: getattr(context.spec, name) for name in _SETTINGS},
    }  # fmt: skip


def seed_of(context: DetectorContext) -> int:
    """A seed of the detector's own, the same in every run.

    The run's would tell it the world: it could play the same one again, and read what is wrong in that.
    """
    return key_id(0, context.spec.detector, context.layout.region)


def context_of(told: Mapping[str, Any], detector: str) -> DetectorContext:
    """A detector's context as its hello tells it."""
    words = Vocabulary(tuple(told["locations"]), tuple(told["items"]), tuple(told["suppliers"]))
    layout = Layout(words, told["opens"], told["closes"], told["region"])
    return DetectorContext(layout, OperatorSpec(detector=detector, **told["settings"]), told["seed"])


class Encoder(Protocol):
    """Messages of one form."""

    def step(self, now: int, rows: Rows) -> bytes:
        """One step; the first one brings the hello before it."""
        ...


class JsonLines:
    """One line a message."""

    def __init__(self, context: DetectorContext) -> None:
        self._words = context.layout.vocabulary
        self._hello = json.dumps(hello(context)) + "\n"

    def step(self, now: int, rows: Rows) -> bytes:
        """One line, after the hello at the first step."""
        told = [row for block in rows for row in _plain_rows(block, self._words)]
        line, self._hello = f"{self._hello}{json.dumps({'now': now, 'rows': told})}\n", ""
        return line.encode()


class ArrowStream:
    """One Arrow IPC stream; names are dictionaries, sent once."""

    def __init__(self, context: DetectorContext) -> None:
        words = context.layout.vocabulary
        self._dictionaries = {name: pa.array(words.strings(kind.removeprefix("code:")), pa.string())
                              for name, kind in COLUMNS.items() if kind.startswith("code:")}
        plain = {"time": pa.timestamp("us"), "float": pa.float64()}
        kinds = [(name, pa.dictionary(pa.int32(), pa.string()) if name in self._dictionaries
                  else plain.get(kind, pa.int64())) for name, kind in COLUMNS.items()]
        self._schema = pa.schema(kinds, metadata={_HELLO: json.dumps(hello(context))})
        self._sink = io.BytesIO()
        self._writer = pa.ipc.new_stream(self._sink, self._schema)

    def step(self, now: int, rows: Rows) -> bytes:
        """One record batch; schema and dictionaries before the first."""
        batch = pa.record_batch([self._column(name, rows) for name in COLUMNS], schema=self._schema)
        sizes = json.dumps([block.size for block in rows])
        self._writer.write_batch(batch, custom_metadata={_NOW: str(now), _BLOCKS: sizes})
        told = self._sink.getvalue()
        self._sink.seek(0)
        self._sink.truncate()
        return told

    def _column(self, name: str, rows: Rows) -> pa.Array:
        if name == "event_type":
            codes = [np.full(block.size, block.event_type) for block in rows]
        else:
            codes = [block.get(name) for block in rows]
        values = np.concatenate([np.zeros(0, np.float64 if COLUMNS[name] == "float" else np.int64), *codes])
        if name in self._dictionaries:
            numbers = pa.array(values.astype(np.int32), mask=values == NO_CODE)
            return pa.DictionaryArray.from_arrays(numbers, self._dictionaries[name])
        if COLUMNS[name] == "float":
            return pa.array(values, mask=np.isnan(values))
        return pa.array(values, pa.int64(), mask=values == NULL).cast(self._schema.field(name).type)


def read_stream(source: Any) -> tuple[dict[str, Any], Iterator[tuple[int, Rows]]]:
    """The hello and the steps of an Arrow stream, block by block as they were sent."""
    reader = pa.ipc.open_stream(source)
    return json.loads(reader.schema.metadata[_HELLO]), _read_steps(reader)


def _read_steps(reader: Any) -> Iterator[tuple[int, Rows]]:
    while True:
        try:
            batch, told = reader.read_next_batch_with_custom_metadata()
        except StopIteration:
            return
        columns = {name: _decoded(batch.column(name), COLUMNS[name]) for name in COLUMNS}
        blocks, begin = [], 0
        for size in json.loads(told[_BLOCKS]):
            end = begin + size
            taken = {name: values[begin:end] for name, values in columns.items() if name != "event_type"}
            seen = {name: values for name, values in taken.items() if not _is_null(values, COLUMNS[name])}
            blocks.append(Block(int(columns["event_type"][begin]), seen, size))
            begin = end
        yield int(told[_NOW]), Rows(tuple(blocks))


def _decoded(column: Any, kind: str) -> np.ndarray[Any, Any]:
    if kind.startswith("code:"):
        return np.asarray(column.indices.cast(pa.int64()).fill_null(NO_CODE))
    if kind == "float":
        return np.asarray(column.fill_null(float("nan")))
    return np.asarray(column.cast(pa.int64()).fill_null(NULL))


def _is_null(values: np.ndarray[Any, Any], kind: str) -> bool:
    if kind == "float":
        return bool(np.isnan(values).all())
    return bool((values == (NO_CODE if kind.startswith("code:") else NULL)).all())


def _plain_rows(block: Block, words: Vocabulary) -> Iterator[dict[str, Any]]:
    """Rows as names and numbers, without what is null."""
    columns: dict[str, list[Any]] = {}
    for name in block.columns:
        kind, values = COLUMNS[name], block.get(name).tolist()
        if kind.startswith("code:"):
            names = words.strings(kind.removeprefix("code:"))
            columns[name] = [None if value == NO_CODE else names[value] for value in values]
        else:
            columns[name] = [None if value == NULL or value != value else value for value in values]  # noqa: PLR0124
    kind = EVENT_TYPES[block.event_type]
    for row in zip(*columns.values(), strict=True):
        yield {"event_type": kind, **{name: value for name, value in zip(columns, row, strict=True)
                                      if value is not None}}


_DEFAULTS = {entry.name: entry.default for entry in dataclasses.fields(Finding)}


Names = Mapping[str, tuple[str, ...]]
Codes = Mapping[str, Mapping[str, int]]


def names_of(words: Vocabulary) -> Names:
    """The names behind the coded fields of a finding."""
    return {"location": words.locations, "item": words.items, "interface": INTERFACES, "source": EVENT_TYPES}


def codes_of(words: Vocabulary) -> Codes:
    """The codes behind those names."""
    return {field: {name: code for code, name in enumerate(names)} for field, names in names_of(words).items()}


def answer(findings: Sequence[Finding], names: Names) -> str:
    """Findings as one line: names for codes, and only what differs from the default.

    Raises:
        InvalidAnswer: what was found is no finding, or one of a place or thing that is not there.
    """
    return json.dumps({"findings": [_told(finding, names) for finding in findings]}, default=_plain)


def _plain(value: Any) -> Any:
    """NumPy's numbers as Python's."""
    if isinstance(value, np.generic):
        return value.item()
    raise InvalidAnswer(f"{value!r} is no number or name")


def _told(finding: Finding, names: Names) -> dict[str, Any]:
    if not isinstance(finding, Finding):
        raise InvalidAnswer(f"a detector yields findings, not {type(finding).__name__}")
    told: dict[str, Any] = {}
    for field, default in _DEFAULTS.items():
        value = getattr(finding, field)
        if field not in names:
            told.update({} if value == default else {field: value})
        elif value != NO_CODE:
            if not 0 <= value < len(names[field]):
                raise InvalidAnswer(f"{field} {value} is none of the {len(names[field])} there are")
            told[field] = names[field][value]
    return told


def findings_of(line: bytes, codes: Codes) -> list[Finding]:
    """The findings of one answer.

    Raises:
        InvalidAnswer: the line is no JSON, or a finding has a field, a name or a number that cannot be.
    """
    try:
        told = json.loads(line)
    except ValueError as error:
        raise InvalidAnswer(f"answered what is no JSON: {error}") from error
    found = told.get("findings") if isinstance(told, dict) else told
    if not isinstance(found, list):
        raise InvalidAnswer('answered no list of findings; valid: {"findings": [...]}')
    return [_finding(entry, codes, f"finding {number + 1}") for number, entry in enumerate(found)]


def _finding(entry: Any, codes: Codes, where: str) -> Finding:
    if not isinstance(entry, dict):
        raise InvalidAnswer(f"{where}: is no object")
    fields: dict[str, Any] = {}
    for field, value in entry.items():
        if field not in _DEFAULTS:
            raise InvalidAnswer(f"{where}: no field {field!r}; valid: {', '.join(_DEFAULTS)}")
        if value is None:
            continue
        if field not in codes:
            fields[field] = _VALID[field](where, field, value)
        elif isinstance(value, str) and value in codes[field]:
            fields[field] = codes[field][value]
        else:
            raise InvalidAnswer(f"{where}: {field} {value!r} is unknown")
    if "type" not in fields:
        raise InvalidAnswer(f"{where}: has no type; valid: {', '.join(SCOPE_OF_TYPE)}")
    return Finding(**fields)


def _word(valid: tuple[str, ...]) -> Any:
    def check(where: str, field: str, value: Any) -> str:
        if value not in valid:
            raise InvalidAnswer(f"{where}: {field} {value!r} is unknown; valid: {', '.join(valid)}")
        return str(value)

    return check


def _whole(where: str, field: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not -(2**53) < value < 2**53:
        raise InvalidAnswer(f"{where}: {field} {value!r} is no whole number below 2**53")
    return value


def _finite(where: str, field: str, value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        raise InvalidAnswer(f"{where}: {field} {value!r} is no finite number")
    return float(value)


def _wholes(where: str, field: str, value: Any) -> tuple[int, ...]:
    return tuple(_whole(where, field, each) for each in (value if isinstance(value, list) else [value]))


def _steps(where: str, field: str, value: Any) -> tuple[str, ...]:
    check = _word((*TEAM_OF_KIND, *KIND_OF_STEP))
    return tuple(check(where, field, each) for each in (value if isinstance(value, list) else [value]))


_VALID: dict[str, Any] = {
    "type": _word(tuple(SCOPE_OF_TYPE)), "fault_type": _word(FAULT_TYPES), "cause": _word((*CAUSES, UNKNOWN)),
    "score": _finite, "evidence": _wholes, "steps": _steps,
    **dict.fromkeys(("document_id", "sequence", "units", "deadline"), _whole),
}  # fmt: skip

