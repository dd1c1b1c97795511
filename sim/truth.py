"""What really went wrong: faults, exceptions, lineage and decoys, out of the operator's reach.

The truth is written where a fault acts, never read off the stream. It listens to the ledger: a
fault is open while it has unpaid entries, a state (a late message, a parked carton, an outage,
a repair under way) or a mechanism that still acts; it is *restored* when none is left. An exception
is restored when its faults are, within its own scope.

Times are microseconds since 1970; -1 stands for "not yet" and becomes null in the files.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sim.draws import WORLD_IDS, Purpose, fold, fold_many, keyed_int
from sim.events import NO_CODE, NULL
from sim.faults.types import BY_NAME
from sim.ledger import I32, I64, Cause, Cells, Ledger

F64 = npt.NDArray[np.float64]

NOT_YET = -1
REPAIR = "repair"
#: Types whose rule is tested on stock, so that they close without being restored.
_CLOSED_BY_RULES = frozenset({"phantom_stock", "negative_inventory"})
#: The fault type that owns each ambient cause once it is named.
AMBIENT_TYPE = {Cause.SHRINK: "shrink", Cause.SCAN_ERROR: "scan_error", Cause.MISCOUNT: "count_variance"}
#: Root cause of each type's faults; that of a few depends on the fault (see :meth:`Truth.fault`).
_CAUSE_OF = {name: kind.cause for name, kind in BY_NAME.items()} | {REPAIR: ""}


def _integers() -> array[int]:
    return array("q")


def _numbers() -> array[float]:
    return array("d")


@dataclass
class Faults:
    """One row a fault; columns of equal length. There may be a million, so numbers are machine numbers."""

    fault_id: array[int] = field(default_factory=_integers)
    type: list[str] = field(default_factory=list)
    cause: list[str] = field(default_factory=list)
    location: array[int] = field(default_factory=_integers)
    item: array[int] = field(default_factory=_integers)
    document_id: array[int] = field(default_factory=_integers)
    interface: array[int] = field(default_factory=_integers)
    magnitude: array[float] = field(default_factory=_numbers)
    onset: array[int] = field(default_factory=_integers)
    ended_at: array[int] = field(default_factory=_integers)
    restored_at: array[int] = field(default_factory=_integers)
    units: array[int] = field(default_factory=_integers)
    #: An everyday error that got its name when its cell became an exception: it has no mechanism to leave out.
    ambient: list[bool] = field(default_factory=list)


@dataclass
class Exceptions:
    """One row an exception; lists of equal length."""

    exception_id: list[int] = field(default_factory=list)
    type: list[str] = field(default_factory=list)
    fault_type: list[str] = field(default_factory=list)
    faults: list[list[int]] = field(default_factory=list)
    location: list[int] = field(default_factory=list)
    item: list[int] = field(default_factory=list)
    document_id: list[int] = field(default_factory=list)
    interface: list[int] = field(default_factory=list)
    sequence: list[int] = field(default_factory=list)
    opened_at: list[int] = field(default_factory=list)
    first_evidence_at: list[int] = field(default_factory=list)
    closed_at: list[int] = field(default_factory=list)
    restored_at: list[int] = field(default_factory=list)
    restored_by: list[int] = field(default_factory=list)
    announced: list[bool] = field(default_factory=list)
    loss_at_stake: list[float] = field(default_factory=list)


@dataclass
class Decoys:
    """Benign look-alikes, one row each."""

    decoy_id: list[int] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)
    location: list[int] = field(default_factory=list)
    item: list[int] = field(default_factory=list)
    document_id: list[int] = field(default_factory=list)
    since: list[int] = field(default_factory=list)
    until: list[int] = field(default_factory=list)


class Truth:
    """The label book of one region and arm.

    Args:
        seed: of the run; ids are hashes of type and key under it.
        region: number of the region.
        items: items of the catalogue, to split a cell into location and item.
    """

    def __init__(self, seed: int, region: int, items: int) -> None:
        self.faults = Faults()
        self.exceptions = Exceptions()
        self.decoys = Decoys()
        self.lineage_events: list[npt.NDArray[np.int64]] = []
        self.lineage_faults: list[npt.NDArray[np.int64]] = []
        #: (first evidence, exception) as they became known, for a reader that follows along.
        self.evident: list[tuple[int, int]] = []
        self._seed, self._region, self._items = seed, region, items
        names = {name: code for code, name in enumerate([*BY_NAME, REPAIR])}
        self._fault_keys = {n: keyed_int(seed, Purpose.IDS, 1000 + code, region) for n, code in names.items()}
        self._exception_keys = {n: keyed_int(seed, Purpose.IDS, 2000 + code, region) for n, code in names.items()}
        self._entries, self._states, self._last_by = _integers(), _integers(), _integers()
        self._of_fault: dict[int, list[int]] = {}
        self._dirty: set[int] = set()

    # -- faults ----------------------------------------------------------------------------------

    def fault_id(self, type_name: str, *key: int) -> int:
        """The id that the fault of this type and key has in every arm."""
        return fold(self._fault_keys[type_name], *key) >> 13

    def fault_ids(self, type_name: str, *key: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """:meth:`fault_id` of many keys; each part has shape (n,)."""
        return (fold_many(self._fault_keys[type_name], *key) >> np.uint64(13)).astype(np.int64)

    def fault(
        self,
        type_name: str,
        fault_id: int,
        onset: int,
        *,
        location: int = NO_CODE,
        item: int = NO_CODE,
        document_id: int = NULL,
        interface: int = NO_CODE,
        magnitude: float = 1.0,
        units: int = 0,
        acting: bool = False,
        cause: str = "",
    ) -> int:
        """Record a fault that acts; returns its number.

        Args:
            type_name: a name of ``sim.faults.types``, or "repair".
            fault_id: from :meth:`fault_id`.
            onset: when it acted first.
            location: code of the place it acts at.
            item: code of the item.
            document_id: of the document.
            interface: code of the interface.
            magnitude: how strong, in the type's own unit.
            units: units of stock it concerns, signed.
            acting: whether its mechanism goes on; :meth:`end` switches it off.
            cause: root cause, where this one differs from its type's.
        """
        f = self.faults
        f.fault_id.append(fault_id)
        f.type.append(type_name)
        f.cause.append(cause or _CAUSE_OF[type_name])
        f.location.append(int(location))
        f.item.append(int(item))
        f.document_id.append(int(document_id))
        f.interface.append(int(interface))
        f.magnitude.append(float(magnitude))
        f.onset.append(int(onset))
        f.ended_at.append(NOT_YET if acting else int(onset))
        f.restored_at.append(NOT_YET)
        f.units.append(int(units))
        f.ambient.append(False)
        self._entries.append(0)
        self._states.append(0)
        self._last_by.append(NOT_YET)
        number = len(f.fault_id) - 1
        self._dirty.add(number)
        return number

    def standing(self, type_name: str, fault_ids: I64, onset: int, *, location: Cells, item: Cells, interface: int,
                 magnitude: F64, causes: list[str]) -> int:
        """Record many faults at once, each with a mechanism that goes on and a state that must clear.

        The arguments are those of :meth:`fault`; arrays and the list have one value a fault. Returns the number of
        the first; the others follow it.
        """
        n, f = len(fault_ids), self.faults
        first = self._extend(type_name, fault_ids, onset, location, item, magnitude)
        f.cause.extend(causes)
        f.interface.extend([interface] * n)
        f.ended_at.extend([NOT_YET] * n)
        f.units.extend([0] * n)
        f.ambient.extend([False] * n)
        self._states.extend([1] * n)
        return first

    def _extend(self, name: str, ids: I64, onset: int, location: Cells, item: Cells, magnitude: F64) -> int:
        """What many new faults have in common; returns the number of the first."""
        n, f = len(ids), self.faults
        first = len(f.fault_id)
        f.fault_id.extend(ids.tolist())
        f.type.extend([name] * n)
        f.location.extend(location.tolist())
        f.item.extend(item.tolist())
        f.document_id.extend([NULL] * n)
        f.magnitude.extend(magnitude.tolist())
        f.onset.extend([onset] * n)
        f.restored_at.extend([NOT_YET] * n)
        self._entries.extend([0] * n)
        self._last_by.extend([NOT_YET] * n)
        return first

    def end(self, fault: int, now: int) -> None:
        """The mechanism of ``fault`` is off."""
        if self.faults.ended_at[fault] == NOT_YET:
            self.faults.ended_at[fault] = now
        self._dirty.add(fault)

    def hold(self, fault: int) -> None:
        """``fault`` has one more state that must clear: late goods or messages, a repair under way."""
        self._states[fault] += 1
        self.faults.restored_at[fault] = NOT_YET

    def release(self, fault: int, by: int = NOT_YET) -> None:
        """One state of ``fault`` has cleared."""
        self._states[fault] -= 1
        if by != NOT_YET:
            self._last_by[fault] = by
        self._dirty.add(fault)

    def holds(self, fault: int) -> bool:
        """Whether ``fault`` has a state left."""
        return self._states[fault] > 0

    # -- the ledger's listener ---------------------------------------------------------------------

    def ambient_faults(self, cause: Cause, cells: Cells, units: I32, ordinals: I32, now: int) -> list[int]:
        """See :class:`sim.entries.Listener`; the mechanism of such a fault is off."""
        name, n = AMBIENT_TYPE[cause], len(cells)
        location, item = np.divmod(cells, self._items)
        ids = self.fault_ids(name, cells.astype(np.int64), ordinals.astype(np.int64))
        first = self._extend(name, ids, now, location, item, np.abs(units).astype(np.float64))
        f = self.faults
        f.cause.extend([_CAUSE_OF[name]] * n)
        f.interface.extend([NO_CODE] * n)
        f.ended_at.extend([now] * n)
        f.units.extend(units.tolist())
        f.ambient.extend([True] * n)
        self._states.extend([0] * n)
        return list(range(first, first + n))

    def entry_opened(self, fault: int, cell: int) -> None:  # noqa: ARG002
        """See :class:`sim.ledger.Listener`."""
        self._entries[fault] += 1
        self.faults.restored_at[fault] = NOT_YET

    def entry_cleared(self, fault: int, cell: int, now: int, by: int) -> None:  # noqa: ARG002
        """See :class:`sim.ledger.Listener`."""
        self._entries[fault] -= 1
        self._last_by[fault] = by
        self._dirty.add(fault)

    def repair_fault(self, action_id: int, now: int, location: int, item: int) -> int:
        """The fault that a repair becomes when it corrects what was not wrong."""
        return self.fault(REPAIR, self.fault_id(REPAIR, action_id), now, location=location, item=item,
                          document_id=action_id)

    # -- exceptions --------------------------------------------------------------------------------

    def open_exception(
        self,
        type_name: str,
        key: tuple[int, ...],
        fault_type: str,
        faults: list[int],
        now: int,
        *,
        location: int = NO_CODE,
        item: int = NO_CODE,
        document_id: int = NULL,
        interface: int = NO_CODE,
        sequence: int = NULL,
        first_evidence_at: int = NOT_YET,
        loss_at_stake: float = 0.0,
        ordinal: int = 0,
    ) -> int:
        """Record a broken rule; returns its number.

        Args:
            type_name: the rule that is broken.
            fault_type: type of the largest fault behind it.
            faults: numbers of the faults behind it, the largest first.
            now: when it opens.
            location: of its scope; a code.
            item: of its scope; a code.
            document_id: of its scope.
            interface: of its scope; a code.
            sequence: of its scope.
            first_evidence_at: when the stream first shows it; -1 while it shows nothing.
            loss_at_stake: in currency.
            ordinal: how often this scope broke this rule before.
            key: what makes the exception the same one in every arm (its scope).
        """
        e = self.exceptions
        e.exception_id.append(fold(self._exception_keys[type_name], *key, ordinal) >> 13)
        e.type.append(type_name)
        e.fault_type.append(fault_type)
        e.faults.append(faults)
        e.location.append(int(location))
        e.item.append(int(item))
        e.document_id.append(int(document_id))
        e.interface.append(int(interface))
        e.sequence.append(int(sequence))
        e.opened_at.append(int(now))
        e.first_evidence_at.append(int(first_evidence_at))
        e.closed_at.append(NOT_YET)
        e.restored_at.append(NOT_YET)
        e.restored_by.append(NOT_YET)
        e.announced.append(not BY_NAME[type_name].inferred)
        e.loss_at_stake.append(float(loss_at_stake))
        number = len(e.type) - 1
        if first_evidence_at != NOT_YET:
            self.evident.append((int(first_evidence_at), number))
        for fault in faults:
            self._of_fault.setdefault(fault, []).append(number)
            self._dirty.add(fault)
        return number

    def open_cells(self, type_name: str, faults: list[int], now: int, *, location: list[int], item: list[int],
                   loss_at_stake: list[float]) -> int:
        """Record many broken rules of cells at once, each with one fault of its own and nothing that shows it yet.

        The arguments are those of :meth:`open_exception`, the lists with one value a cell. Returns the number of the
        first; the others follow it.
        """
        e, n, first = self.exceptions, len(faults), len(self.exceptions.type)
        ids = np.array([self.faults.fault_id[fault] for fault in faults], np.int64)
        keys = fold_many(self._exception_keys[type_name], ids, np.zeros(n, np.int64)) >> np.uint64(13)
        e.exception_id += keys.tolist()
        e.type += [type_name] * n
        e.fault_type += [type_name] * n
        e.faults += [[fault] for fault in faults]
        e.location += location
        e.item += item
        for empty, column in ((NULL, e.document_id), (NO_CODE, e.interface), (NULL, e.sequence), (now, e.opened_at),
                              (NOT_YET, e.first_evidence_at), (NOT_YET, e.closed_at), (NOT_YET, e.restored_at),
                              (NOT_YET, e.restored_by)):
            column.extend([empty] * n)
        e.announced += [not BY_NAME[type_name].inferred] * n
        e.loss_at_stake += loss_at_stake
        self._of_fault.update((fault, [first + row]) for row, fault in enumerate(faults))
        return first

    def evidence(self, exception: int, at: int) -> None:
        """The stream first contradicts the exception at ``at`` (kept if earlier than what is known)."""
        known = self.exceptions.first_evidence_at[exception]
        if known == NOT_YET or at < known:
            self.exceptions.first_evidence_at[exception] = int(at)
            self.evident.append((int(at), exception))

    def close(self, exception: int, now: int) -> None:
        """The rule holds again; evidence that would have come later never did."""
        e = self.exceptions
        if e.closed_at[exception] == NOT_YET:
            e.closed_at[exception] = int(now)
            if e.first_evidence_at[exception] > now:
                e.first_evidence_at[exception] = NOT_YET

    def lineage(self, events: npt.NDArray[np.int64] | int, fault: int) -> None:
        """Rows that the fault's mechanism changed, or that cleared its entries."""
        array = np.atleast_1d(np.asarray(events, dtype=np.int64))
        self.lineage_events.append(array)
        self.lineage_faults.append(np.full(len(array), self.faults.fault_id[fault], np.int64))

    def lineage_of(self, events: npt.NDArray[np.int64], faults: npt.NDArray[np.integer]) -> None:
        """:meth:`lineage` of many rows, each with a fault of its own; shapes (n,)."""
        self.lineage_events.append(events)
        self.lineage_faults.append(np.frombuffer(self.faults.fault_id, np.int64)[faults])

    def decoy(self, kind: str, key: tuple[int, ...], since: int, until: int, *, location: int = NO_CODE,
              item: int = NO_CODE, document_id: int = NULL) -> None:
        """Record something benign that looks like trouble."""
        d = self.decoys
        code = sum(kind.encode())
        d.decoy_id.append(keyed_int(self._seed, Purpose.IDS, 3000 + code, self._region, *key) >> 13)
        d.kind.append(kind)
        d.location.append(int(location))
        d.item.append(int(item))
        d.document_id.append(int(document_id))
        d.since.append(int(since))
        d.until.append(int(until))

    # -- restoration -------------------------------------------------------------------------------

    def settle(self, now: int, ledger: Ledger) -> None:
        """Find what was restored since the last call; works on what changed only."""
        if not self._dirty:
            return
        waiting: set[int] = set()
        for fault in sorted(self._dirty):
            f = self.faults
            if (self._entries[fault] == 0 and self._states[fault] == 0 and f.ended_at[fault] != NOT_YET
                    and f.restored_at[fault] == NOT_YET):
                f.restored_at[fault] = now
            waiting.update(self._of_fault.get(fault, ()))
        self._dirty.clear()
        e = self.exceptions
        for exception in sorted(waiting):
            if e.restored_at[exception] == NOT_YET and self._is_restored(exception, ledger):
                e.restored_at[exception] = now
                by = [self._last_by[f] for f in e.faults[exception] if self._last_by[f] >= WORLD_IDS]
                e.restored_by[exception] = by[-1] if by else NOT_YET
                if e.type[exception] not in _CLOSED_BY_RULES:
                    self.close(exception, now)

    def _is_restored(self, exception: int, ledger: Ledger) -> bool:
        e = self.exceptions
        faults = e.faults[exception]
        if NO_CODE in {e.item[exception], e.location[exception]} or e.document_id[exception] != NULL:
            return all(self.faults.restored_at[f] != NOT_YET for f in faults)
        if any(self._states[f] for f in faults):
            return False
        cell = e.location[exception] * self._items + e.item[exception]
        mine = set(faults)
        return not any(ledger.entries.fault[entry] in mine for entry in ledger.open_entries(cell))
