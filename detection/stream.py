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
    available, event = columns["available_at"], columns["event_id"]
    order = np.lexsort((event, available))
    columns = {name: values[order] for name, values in columns.items()}
    # Rows available in [t - TICK, t) belong to the step at t, as in the closed loop.
    steps = columns["available_at"] // TICK + 1
    bounds = np.searchsorted(steps, np.arange(int(steps[0]), int(steps[-1]) + 2))
    for number, (begin, end) in enumerate(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)):
        yield (int(steps[0]) + number) * TICK, _blocks(columns, begin, end)


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


def block_of(event_type: int, columns: Mapping[str, npt.NDArray[Any]], rows: npt.NDArray[np.intp] | slice) -> Block:
    """Some rows of decoded columns as one block; a column that says nothing in any of them is left out."""
    taken = {name: values[rows] for name, values in columns.items() if name != "event_type"}
    told = {name: values for name, values in taken.items() if not _is_null(name, values)}
    return Block(event_type, told, len(taken["event_id"]))


def _blocks(columns: dict[str, npt.NDArray[Any]], begin: int, end: int) -> Rows:
    """Rows [begin, end) as one block an event type."""
    types = columns["event_type"][begin:end]
    return Rows(tuple(
        block_of(code, columns, begin + np.flatnonzero(types == code)) for code in np.unique(types).tolist()
    ))  # fmt: skip


def _is_null(name: str, values: npt.NDArray[Any]) -> bool:
    """Whether a column says nothing in any of these rows."""
    kind = COLUMNS[name]
    if kind == "float":
        return bool(np.isnan(values).all())
    return bool((values == (NO_CODE if kind.startswith("code:") else NULL)).all())


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
