"""The hash of an observable stream, over its values and nothing else.

Two streams hash alike if and only if they hold the same rows in the same order. How the rows were
cut into batches or files, how strings were coded, in which order the columns stand and how the
files were compressed leave no trace, so the same hash is found by the world while it runs and by
``verify`` from the files years later.

Theory of operation: a row's word is multilinear in its values (Carter and Wegman 1979): the sum over
the columns, modulo 2**64, of (2 value + 1) times an odd number made of the column's name; a null adds
nothing. The words, in order, go into SHA-256. A string is hashed once, when the vocabulary is read,
and then looked up by its code, so a coded column costs one gather.

The mix tells streams apart; it is no defence against a forger. That is the manifest's task.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

WordArray = npt.NDArray[np.uint64]

#: Null of an integer column, as in :mod:`sim.events`.
NULL: Final = -(2**62)
#: Rows mixed at a time: the working set stays in the second-level cache.
CHUNK_ROWS: Final = 16_384


def _word(text: str) -> int:
    """64 bits of a string."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def string_words(column: str, strings: Sequence[str | None]) -> WordArray:
    """The words of a column's strings, with a 0 appended: code -1, the null, finds the 0."""
    return np.array([_word(f"{column}\0{text}") if text is not None else 0 for text in strings] + [0], dtype=np.uint64)


class StreamHash:
    """A running hash of rows.

    Args:
        vocabulary: column -> the strings behind its codes. Other columns are integers or floats.
            Codes outside the vocabulary other than -1 raise ``IndexError``.

    Feed it rows in their final order; any division into batches gives the same digest.
    """

    def __init__(self, vocabulary: Mapping[str, Sequence[str | None]] | None = None) -> None:
        self._words: dict[str, WordArray] = {}
        self._factors: dict[str, np.uint64] = {}
        self._digest = hashlib.sha256()
        self._rows = 0
        for name, strings in (vocabulary or {}).items():
            self.learn(name, strings)

    def learn(self, column: str, strings: Sequence[str | None]) -> None:
        """Set the strings behind a column's codes from now on; which code a string has does not show in the digest."""
        self._words[column] = string_words(column, strings)

    @property
    def rows(self) -> int:
        """Rows hashed so far."""
        return self._rows

    def update(self, columns: Mapping[str, npt.NDArray[np.generic] | int | float], size: int) -> None:
        """Add rows.

        Args:
            columns: name -> array of shape (size,), or a scalar that holds for every row. Nulls are
                ``NULL`` in integers, NaN in floats, -1 in codes. A missing column is null throughout.
            size: number of rows.
        """
        self.update_words(self.words(columns, size))

    def words(self, columns: Mapping[str, npt.NDArray[np.generic] | int | float], size: int) -> WordArray:
        """The word of each row, for a caller that orders the rows before it adds them.

        Args:
            columns: as for :meth:`update`.
            size: number of rows.
        """
        out = np.zeros(size, dtype=np.uint64)
        for start in range(0, size, CHUNK_ROWS):
            part = out[start : min(start + CHUNK_ROWS, size)]
            for name, values in columns.items():
                if isinstance(values, np.ndarray):
                    part += self._column(name, values[start : start + len(part)])
                else:
                    part += self._column(name, np.array([values]))[0]
        return out

    def update_words(self, words: WordArray) -> None:
        """Add rows by their words, in their final order."""
        self._digest.update(words.astype("<u8", copy=False).data)
        self._rows += len(words)

    def hexdigest(self) -> str:
        """The digest of the rows so far, 64 hexadecimal digits."""
        digest = self._digest.copy()
        digest.update(f"rows={self._rows}".encode())
        return digest.hexdigest()

    def _column(self, name: str, values: npt.NDArray[np.generic]) -> WordArray:
        words = self._words.get(name)
        if words is not None:
            if len(values) and (int(values.max()) >= len(words) - 1 or int(values.min()) < -1):
                raise IndexError(f"column {name!r} holds a code outside its vocabulary of {len(words) - 1}")
            found: WordArray = words[values]
            return found
        factor = self._factors.get(name)
        if factor is None:
            factor = self._factors[name] = np.uint64(_word(name) | 1)
        if values.dtype.kind == "f":
            # +0.0 makes one zero of the two; all NaN are the one null
            numbers = values.astype(np.float64) + 0.0
            null = np.isnan(numbers)
            raw = numbers.view(np.uint64)
        else:
            raw = values.astype(np.int64).view(np.uint64)
            null = values == NULL
        raw += raw
        raw += np.uint64(1)
        raw *= factor
        if null.any():
            raw[null] = 0
        return raw


def combine_digests(digests: Iterable[str]) -> str:
    """The hash of an arm from the hashes of its regions, in order."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()
