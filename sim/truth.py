"""What really went wrong: faults, exceptions, lineage and decoys, out of the operator's reach.

The truth is written where a fault acts, never read off the stream. It listens to the ledger: a
fault is open while it has unpaid entries, a state (a late message, a parked carton, an outage,
a repair under way) or a mechanism that still acts; it is *restored* when none is left. An exception
is restored when its faults are, within its own scope.

Times are microseconds since 1970; -1 stands for "not yet" and becomes null in the files.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.draws import WORLD_IDS, Purpose, fold, fold_many, keyed_int
from sim.events import NO_CODE, NULL
from sim.faults.types import BY_NAME
from sim.labels import Decoys, Exceptions, Faults, integers
from sim.ledger import I32, I64, Cause, Cells, Ledger

F64 = npt.NDArray[np.float64]

NOT_YET = -1
REPAIR = "repair"
#: Below so many keys at once, one after the other is quicker than an array.
_FEW = 8
#: Types whose rule is tested on stock, so that they close without being restored.
_CLOSED_BY_RULES = frozenset({"phantom_stock", "negative_inventory"})
#: The fault type that owns each ambient cause once it is named.
AMBIENT_TYPE = {Cause.SHRINK: "shrink", Cause.SCAN_ERROR: "scan_error", Cause.MISCOUNT: "count_variance"}
#: Root cause of each type's faults; that of a few depends on the fault (see :meth:`Truth.fault`).
_CAUSE_OF = {name: kind.cause for name, kind in BY_NAME.items()} | {REPAIR: ""}


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
        self._entries, self._states, self._last_by = integers(), integers(), integers()
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

    def ambient_fault(self, cause: Cause, cell: int, units: int, ordinal: int, now: int) -> int:
        """See :class:`sim.entries.Listener`."""
        name = AMBIENT_TYPE[cause]
        location, item = divmod(cell, self._items)
        number = self.fault(name, self.fault_id(name, cell, ordinal), now, location=location, item=item,
                            magnitude=abs(units), units=units)
        self.faults.ambient[number] = True
        return number

    def entry_opened(self, fault: int, cell: int) -> None:  # noqa: ARG002
        """See :class:`sim.ledger.Listener`."""
        self._entries[fault] += 1
        self.faults.restored_at[fault] = NOT_YET

    def entries_opened(self, faults: list[int], cells: list[int], each: int) -> None:  # noqa: ARG002
        """See :class:`sim.ledger.Listener`."""
        for fault in faults:
            self._entries[fault] += each
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
        self._extend_exceptions(n, now)
        e.first_evidence_at += [NOT_YET] * n
        e.announced += [not BY_NAME[type_name].inferred] * n
        e.loss_at_stake += loss_at_stake
        self._of_fault.update((fault, [first + row]) for row, fault in enumerate(faults))
        return first

    def open_broken(self, type_name: str, cells: list[int], ordinals: list[int], faults: list[list[int]], now: int, *,
                    first_evidence_at: list[int], loss_at_stake: list[float]) -> int:
        """Record that many cells break the rule ``type_name``, each while a fault behind it is not restored.

        The arguments are those of :meth:`open_exception`, the lists with one value a cell. Returns the number of the
        first; the others follow it.
        """
        e, n, first = self.exceptions, len(cells), len(self.exceptions.type)
        if n < _FEW:
            key = self._exception_keys[type_name]
            e.exception_id += [fold(key, *part) >> 13 for part in zip(cells, ordinals, strict=True)]
        else:
            parts = np.array([cells, ordinals], np.int64)
            e.exception_id += (fold_many(self._exception_keys[type_name], *parts) >> np.uint64(13)).tolist()
        e.type += [type_name] * n
        e.fault_type += [self.faults.type[behind[0]] for behind in faults]
        e.faults += faults
        e.location += [cell // self._items for cell in cells]
        e.item += [cell % self._items for cell in cells]
        self._extend_exceptions(n, now)
        e.first_evidence_at += first_evidence_at
        e.announced += [not BY_NAME[type_name].inferred] * n
        e.loss_at_stake += loss_at_stake
        self.evident += zip(first_evidence_at, range(first, first + n), strict=True)
        for number, behind in enumerate(faults, first):
            for fault in behind:
                self._of_fault.setdefault(fault, []).append(number)
        return first

    def _extend_exceptions(self, n: int, now: int) -> None:
        """What many new exceptions of cells have in common."""
        e = self.exceptions
        for empty, column in ((NULL, e.document_id), (NO_CODE, e.interface), (NULL, e.sequence), (now, e.opened_at),
                              (NOT_YET, e.closed_at), (NOT_YET, e.restored_at), (NOT_YET, e.restored_by)):
            column.extend([empty] * n)

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
        array = np.array([events], np.int64) if isinstance(events, int) else events
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
        f, e = self.faults, self.exceptions
        for fault in self._dirty:
            if (self._entries[fault] == 0 and self._states[fault] == 0 and f.restored_at[fault] == NOT_YET
                    and f.ended_at[fault] != NOT_YET):
                f.restored_at[fault] = now
            if fault in self._of_fault:
                waiting.update(self._of_fault[fault])
        self._dirty.clear()
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
        location, item = e.location[exception], e.item[exception]
        if e.document_id[exception] != NULL or NO_CODE in (item, location):
            return NOT_YET not in map(self.faults.restored_at.__getitem__, faults)
        if any(map(self._states.__getitem__, faults)):
            return False
        owners = map(ledger.entries.fault.__getitem__, ledger.entries.of(location * self._items + item))
        return set(faults).isdisjoint(owners)
