"""The audit trail: one JSON line a decision, each sealed by the hash of the one before it.

Every automated action, override and policy decision is a record. A record's hash covers its own
content and its predecessor's hash, so that a line changed, removed or moved breaks every seal after
it, and the head alone vouches for the whole. Records name what they are about: ``case`` and ``action`` by
id, the ERP document and the message (interface, location, sequence) of a case, the alerts it rests on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

GENESIS = "0" * 64
_ENCODE = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def seal(previous: str, body: str) -> str:
    """The hash of a record with JSON text ``body`` that follows ``previous``."""
    return hashlib.sha256(f"{previous}{body}".encode()).hexdigest()


class AuditLog:
    """An append-only chain of records."""

    def __init__(self) -> None:
        self.head = GENESIS
        self._lines: list[str] = []

    def __len__(self) -> int:
        return len(self._lines)

    def append(self, at: int, event: str, **content: float | str | list[int]) -> None:
        """Seal one record; ``content`` must be JSON numbers, strings and lists of ids."""
        body = _ENCODE({"at": at, "event": event, **content})
        previous, self.head = self.head, seal(self.head, body)
        self._lines.append(f'{{"record":{body},"prev":"{previous}","hash":"{self.head}"}}')

    def lines(self) -> tuple[str, ...]:
        """The records, one JSON object a line, oldest first."""
        return tuple(self._lines)


def verify_chain(lines: Iterable[str], head: str | None = None) -> int | None:
    """The number (from 0) of the first line whose seal does not hold, or None.

    Args:
        lines: JSON lines as :meth:`AuditLog.lines` gave them.
        head: the head noted elsewhere; where given, a chain cut short is found too.
    """
    previous = GENESIS
    count = 0
    for number, line in enumerate(lines):
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            return number
        if not isinstance(entry, Mapping) or entry.get("prev") != previous:
            return number
        body = _ENCODE(entry.get("record"))
        if line.rstrip("\n") != f'{{"record":{body},"prev":"{previous}","hash":"{seal(previous, body)}"}}':
            return number
        previous, count = str(entry["hash"]), number + 1
    return count if head is not None and previous != head else None
