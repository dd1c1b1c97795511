"""The observable stream of one region: collects rows, orders them, hands them on.

Flows call :meth:`Stream.emit` when something happens; a row becomes visible at its
``available_at``, never before. At the end of each tick :meth:`Stream.flush` hands over what has
become visible, ordered by ``(available_at, event_id)``; the rest waits. Where nobody reads along, rows
are only counted until there are enough for a group. Group by group they are hashed and, where asked for,
written to Parquet: strings and nulls exist only there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sim.clock import DAY
from sim.events import (
    COLUMNS,
    EVENT_TYPE,
    EVENT_TYPES,
    NO_CODE,
    NULL,
    TECHNICAL_EVENT_TYPES,
    Block,
    Rows,
    Vocabulary,
)
from sim.hashing import StreamHash

_BUSINESS = np.array([name not in TECHNICAL_EVENT_TYPES for name in EVENT_TYPES])
#: Rows gathered before they are written as one row group, and how many groups may wait for the clerk: a night's
#: extract and a wave of replenishment come in one tick, and the world need not wait until they are written.
ROW_GROUP, _GROUPS_AHEAD = 200_000, 5

_CODE_TYPES = {
    name: pa.dictionary(pa.int32(), pa.string()) for name, kind in COLUMNS.items() if kind.startswith("code:")
}


def arrow_schema() -> pa.Schema:
    """The schema of the stream's Parquet files."""
    kinds = {"id": pa.int64(), "time": pa.timestamp("us"), "int": pa.int64(), "float": pa.float64(),
             "carton": pa.string()}
    return pa.schema([(name, _CODE_TYPES.get(name) or kinds[kind]) for name, kind in COLUMNS.items()])


class Stream:
    """Rows of one region and arm.

    Args:
        vocabulary: the strings behind the codes.
        path: the Parquet file to write, or None to keep only the hash and the counts.
        keep: what is written down of a block, where that is not all of it.
    """

    def __init__(self, vocabulary: Vocabulary, path: Path | None = None,
                 keep: Callable[[Block], Block] | None = None) -> None:
        self.vocabulary = vocabulary
        self._keep = keep
        self.rows = 0
        self.business_rows = 0
        self._waiting: list[Block] = []
        self._waiting_rows = 0
        self._day: list[Block] = []
        self._day_rows = 0
        self._hash = StreamHash({
            name: vocabulary.strings(kind.removeprefix("code:"))
            for name, kind in COLUMNS.items() if kind.startswith("code:")
        })
        self._dictionaries = {
            name: pa.array(vocabulary.strings(kind.removeprefix("code:")), pa.string())
            for name, kind in COLUMNS.items() if kind.startswith("code:")
        }
        self._writer = _open_writer(path) if path is not None else None
        # Hashing and writing release the interpreter most of the time, so a thread beside the world does them.
        self._clerk = ThreadPoolExecutor(max_workers=1)
        self._writing: deque[Future[None]] = deque()

    def emit(self, event_type: str, size: int, **columns: Any) -> None:
        """Add rows of one type.

        Args:
            event_type: a name of :data:`sim.events.EVENT_TYPES`.
            size: number of rows; 0 adds nothing.
            columns: arrays of shape (size,) or scalars; ``event_id`` and ``available_at`` are
                required as arrays.
        """
        if size:
            block = Block(EVENT_TYPE[event_type], columns, size)
            if self._keep is not None:
                block = self._keep(block)
            if block.size:
                self._waiting.append(block)
                self._waiting_rows += block.size

    def pass_unread(self, now: int) -> None:
        """The end of a tick whose rows nobody reads: they wait until they fill a group or the day ends."""
        if self._waiting_rows >= ROW_GROUP or now % DAY == 0:
            self.flush(now, ordered=False)

    def flush(self, now: int, *, ordered: bool = True) -> Rows:
        """Hand over the rows with ``available_at < now``.

        Args:
            now: the end of the tick.
            ordered: sort each block; without a reader the file's own order is enough.
        """
        order = _ordered if ordered else _as_it_is
        ready: list[Block] = []
        waiting: list[Block] = []
        for block in self._waiting:
            visible: npt.NDArray[np.bool_] = np.less(block.columns["available_at"], now)
            count = int(np.count_nonzero(visible))
            if count == block.size:
                ready.append(order(block))
            elif count == 0:
                waiting.append(block)
            else:
                ready.append(order(block.take(visible)))
                waiting.append(block.take(~visible))
        self._waiting = waiting
        self._day.extend(ready)
        for block in ready:
            self._day_rows += block.size
            self._waiting_rows -= block.size
            if _BUSINESS[block.event_type]:
                self.business_rows += block.size
        if self._day_rows >= ROW_GROUP:
            self._drain()
        return Rows(tuple(ready))

    def close(self) -> str:
        """Write what is left; returns the hash of all rows."""
        self._drain()
        self._wait(0)
        self._clerk.shutdown()
        if self._writer is not None:
            self._writer.close()
        return self._hash.hexdigest()

    def _drain(self) -> None:
        """Give the rows handed over so far to the clerk."""
        if self._day_rows:
            self._wait(_GROUPS_AHEAD)
            self._writing.append(self._clerk.submit(self._write, self._day))
            self.rows += self._day_rows
            self._day, self._day_rows = [], 0

    def _wait(self, most: int) -> None:
        """Until at most so many groups are left with the clerk; what went wrong there is raised here."""
        while self._writing and (len(self._writing) > most or self._writing[0].done()):
            self._writing.popleft().result()

    def _write(self, day: list[Block]) -> None:
        """Order, hash and write rows."""
        blocks = _merge(day)
        available = np.concatenate([b.columns["available_at"] for b in blocks])
        event = np.concatenate([b.columns["event_id"] for b in blocks])
        order = _order(available, event)
        words = np.concatenate([self._hash.words({**b.columns, "event_type": b.event_type}, b.size) for b in blocks])
        self._hash.update_words(words[order])
        if self._writer is not None:
            self._writer.write_table(self._table(blocks, order))

    def _table(self, blocks: list[Block], order: npt.NDArray[np.intp]) -> pa.Table:
        arrays = []
        for name, kind in COLUMNS.items():
            values = _gather(name, kind, blocks)
            if values is None:
                arrays.append(pa.nulls(len(order), arrow_schema().field(name).type))
                continue
            values = values[order]
            if kind.startswith("code:"):
                indices = pa.array(values, pa.int32(), mask=values == NO_CODE)
                arrays.append(pa.DictionaryArray.from_arrays(indices, self._dictionaries[name]))
            elif kind == "float":
                arrays.append(pa.array(values, from_pandas=True))
            elif kind == "carton":
                arrays.append(pa.array(values, pa.int64(), mask=values == NULL).cast(pa.string()))
            else:
                array = pa.array(values, pa.int64(), mask=values == NULL)
                arrays.append(array.cast(pa.timestamp("us")) if kind == "time" else array)
        return pa.Table.from_arrays(arrays, schema=arrow_schema())


def _gather(name: str, kind: str, blocks: list[Block]) -> npt.NDArray[Any] | None:
    """One column over all blocks, or None where no block has it."""
    if name == "event_type":
        return np.repeat(np.array([b.event_type for b in blocks], np.int32), [b.size for b in blocks])
    if not any(name in b.columns for b in blocks):
        return None
    dtype = np.float64 if kind == "float" else np.int32 if kind.startswith("code:") else np.int64
    null = np.nan if kind == "float" else NO_CODE if kind.startswith("code:") else NULL
    out = np.empty(sum(b.size for b in blocks), dtype)
    at = 0
    for b in blocks:
        out[at : at + b.size] = b.columns.get(name, null)
        at += b.size
    return out


def _merge(blocks: list[Block]) -> list[Block]:
    """One block an event type: thousands of small ones cost more to handle than their rows."""
    by_type: dict[int, list[Block]] = {}
    for block in blocks:
        by_type.setdefault(block.event_type, []).append(block)
    merged = []
    for event_type, parts in by_type.items():
        names = dict.fromkeys(name for part in parts for name in part.columns)
        columns = {name: _joined(name, parts) for name in names}
        merged.append(Block(event_type, columns, sum(part.size for part in parts)))
    return merged


def _joined(name: str, parts: list[Block]) -> Any:
    """A column over blocks of one type; stays a scalar where it is the same one everywhere."""
    values = [part.columns.get(name) for part in parts]
    first = values[0]
    if not isinstance(first, np.ndarray) and all(not isinstance(v, np.ndarray) and v == first for v in values):
        return first
    return np.concatenate([part.get(name) for part in parts])


def _order(available: npt.NDArray[np.int64], event: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """Rows by (available_at, event_id): by time first, then only the few that share an instant by id."""
    order = np.argsort(available)
    times = available[order]
    same = times[1:] == times[:-1]
    if same.any():
        shared = np.zeros(len(times), np.bool_)
        shared[1:] = same
        shared[:-1] |= same
        places = np.flatnonzero(shared)
        rows = order[places]
        order[places] = rows[np.lexsort((event[rows], available[rows]))]
    return order


def _as_it_is(block: Block) -> Block:
    return block


def _ordered(block: Block) -> Block:
    """The rows of a block by (available_at, event_id)."""
    if block.size == 1:
        return block
    available: Any = block.columns["available_at"]
    if (available[1:] > available[:-1]).all():
        return block
    return block.take(_order(available, block.columns["event_id"]))  # type: ignore[arg-type]


def _open_writer(path: Path) -> pq.ParquetWriter:
    path.parent.mkdir(parents=True, exist_ok=True)
    coded = list(_CODE_TYPES)
    return pq.ParquetWriter(
        path,
        arrow_schema(),
        compression="zstd",
        compression_level=3,
        use_dictionary=coded,
        column_encoding={n: "DELTA_BINARY_PACKED" for n, k in COLUMNS.items() if k in {"time", "int"}},
        write_page_checksum=True,
        write_statistics=False,
    )
