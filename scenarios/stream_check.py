"""A recorded stream, read back as it was written: its hash, the order of its rows, and ids that two rows bear."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from sim.hashing import NULL, StreamHash


def stream_columns(batch: pa.RecordBatch) -> tuple[dict[str, list[str]], dict[str, np.ndarray[Any, Any]]]:
    """A batch as the hash takes it: strings behind the codes of each name column, and arrays with sentinel nulls."""
    vocabulary: dict[str, list[str]] = {}
    columns: dict[str, np.ndarray[Any, Any]] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if column.null_count == len(column):
            continue
        if pa.types.is_dictionary(column.type):
            vocabulary[name] = column.dictionary.to_pylist()
            columns[name] = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        elif pa.types.is_floating(column.type):
            columns[name] = column.fill_null(np.nan).to_numpy(zero_copy_only=False)
        else:
            # cartons are numbers written as strings
            numbers = column.cast(pa.int64()) if pa.types.is_string(column.type) else column.view(pa.int64())
            columns[name] = numbers.fill_null(NULL).to_numpy(zero_copy_only=False)
    return vocabulary, columns


class Seen(NamedTuple):
    """What one pass over a recorded stream found.

    Attributes:
        digest: its hash.
        ordered: whether its rows are in their order (``available_at``, ``event_id``).
        twice: rows whose id another row bears too.
    """

    digest: str
    ordered: bool
    twice: int


def hash_stream(batches: Iterator[pa.RecordBatch]) -> Seen:
    """Read a recorded stream once; how it is cut into batches changes nothing."""
    stream, every = StreamHash(), [np.zeros(0, np.int64)]
    ordered = True
    last = (NULL, NULL)
    for batch in batches:
        if not batch.num_rows:
            continue
        vocabulary, columns = stream_columns(batch)
        for name, strings in vocabulary.items():
            stream.learn(name, strings)
        stream.update(columns, batch.num_rows)
        times, ids = columns["available_at"], columns["event_id"]
        later = (times[1:] > times[:-1]) | ((times[1:] == times[:-1]) & (ids[1:] > ids[:-1]))
        ordered = ordered and bool(later.all()) and (int(times[0]), int(ids[0])) > last
        last = (int(times[-1]), int(ids[-1]))
        every.append(ids)
    sorted_ids = np.sort(np.concatenate(every))
    return Seen(stream.hexdigest(), ordered, int(np.count_nonzero(sorted_ids[1:] == sorted_ids[:-1])))
