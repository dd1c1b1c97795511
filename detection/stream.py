"""A recorded stream as the operator takes it: tables of strings and nulls back into coded blocks.

The same operator then runs over a run folder, or over a user's own log, as it does in the closed loop:
rows are handed over by the tick in which they became available. Names that the vocabulary does not
hold are refused, not dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.clock import TICK
from sim.events import COLUMNS, NO_CODE, NULL, Block, Rows, Vocabulary


class StreamError(ValueError):
    """A table that is no stream: a column is missing, or a name is unknown."""


def rows_from_table(table: Any, vocabulary: Vocabulary) -> Iterator[tuple[int, Rows]]:
    """Steps of a recorded stream.

    Args:
        table: a ``pyarrow.Table`` with columns of :data:`sim.events.COLUMNS`; absent ones are null.
        vocabulary: the strings of its region.

    Yields:
        (now, rows) for every tick from the first row's to the last row's, empty ones too, in order.

    Raises:
        StreamError: ``event_id``, ``event_type`` or ``available_at`` is missing, or a name is unknown.
    """
    columns = decode(table, vocabulary)
    if not table.num_rows:
        return
    # Rows available in [t - TICK, t) belong to the step at t, as in the closed loop.
    steps = columns["available_at"] // TICK + 1
    order = np.lexsort((columns["event_id"], columns["available_at"], columns["event_type"], steps))
    steps, columns = steps[order], {name: values[order] for name, values in columns.items()}
    starts = starts_of(steps, columns["event_type"])
    step_of = steps[starts].tolist()
    ready: list[Block] = []
    for number, block in enumerate(blocks_at(starts, columns)):
        ready.append(block)
        step = step_of[number]
        following = step_of[number + 1] if number + 1 < len(step_of) else step + 1
        if following > step:
            yield step * TICK, Rows(tuple(ready))
            ready = []
            yield from ((silent * TICK, Rows()) for silent in range(step + 1, following))


def decode(table: Any, vocabulary: Vocabulary) -> dict[str, npt.NDArray[Any]]:
    """The columns of a recorded stream that say anything, coded as in memory; each of shape (rows,).

    Raises:
        StreamError: as for :func:`rows_from_table`.
    """
    for name in ("event_id", "event_type", "available_at"):
        if name not in table.column_names:
            raise StreamError(f"no column {name!r}; a stream has {', '.join(COLUMNS)}")
    return {
        name: _decode(table.column(name), name, kind, vocabulary)
        for name, kind in COLUMNS.items()
        if name in table.column_names and table.column(name).null_count < table.num_rows
    }


def starts_of(*keys: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Where a new block begins: at each row that differs from the one before in any key; keys of shape (rows,)."""
    changes = np.zeros(len(keys[0]), np.bool_)
    changes[:1] = True
    for key in keys:
        changes[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(changes)


def blocks_at(starts: npt.NDArray[np.intp], columns: Mapping[str, npt.NDArray[Any]]) -> Iterator[Block]:
    """Decoded columns cut into blocks; a column that says nothing in any row of a block is left out of it.

    Args:
        starts: the row each begins at, rising from 0; each is of one event type.
        columns: name -> array of shape (rows,), ``event_type`` among them.
    """
    types = columns["event_type"][starts].tolist()
    told = {name: np.logical_or.reduceat(_is_told(name, values), starts).tolist()
            for name, values in columns.items() if name != "event_type"}
    ends = [*starts[1:].tolist(), len(columns["event_type"])]
    for number, (begin, end) in enumerate(zip(starts.tolist(), ends, strict=True)):
        said = {name: columns[name][begin:end] for name, says in told.items() if says[number]}
        yield Block(types[number], said, end - begin)


def _is_told(name: str, values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Where a column says something."""
    kind = COLUMNS[name]
    null = NO_CODE if kind.startswith("code:") else NULL
    told: npt.NDArray[np.bool_] = ~np.isnan(values) if kind == "float" else values != null
    return told


def _decode(column: Any, name: str, kind: str, vocabulary: Vocabulary) -> npt.NDArray[Any]:
    """One Arrow column as integers (codes, ids, times) or floats."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind.startswith("code:"):
        strings = pa.array(vocabulary.strings(kind.removeprefix("code:")), pa.string())
        if pa.types.is_dictionary(column.type):
            # Each string is looked up once, not once a row.
            whole = column.unify_dictionaries().combine_chunks()
            whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
            known = np.append(_decode(pa.chunked_array([whole.dictionary]), name, kind, vocabulary), NO_CODE)
            found: npt.NDArray[Any] = known[np.asarray(whole.indices.cast(pa.int64()).fill_null(-1).to_numpy())]
            return found
        texts = column.cast(pa.string())
        codes = pc.index_in(texts, value_set=strings, skip_nulls=True)
        unknown = pc.and_(pc.is_null(codes), pc.is_valid(texts))
        if pc.any(unknown).as_py():
            first = pc.filter(texts, unknown)[0].as_py()
            raise StreamError(f"{name}: {first!r} is not in the vocabulary")
        return np.asarray(codes.cast(pa.int64()).fill_null(NO_CODE).to_numpy())
    if kind == "float":
        return np.asarray(column.cast(pa.float64()).fill_null(float("nan")).to_numpy())
    if kind == "time":
        column = column.cast(pa.timestamp("us"))
    return np.asarray(column.cast(pa.int64()).fill_null(NULL).to_numpy())
