"""The nightly batch of legacy shops: a day's till lines to ERP in one file, checked by control totals.

A share of the shops has no line to ERP in trading hours. What their tills rang up is collected, and at
two in the morning a job a shop sends the day as one file. Both sides write down how many lines and
units it held (``batching`` rows): the shop what it sent, ERP what it booked. OMS hears of every sale at once.

- A job may fail: its file is missing, or breaks off. The rest stays in flight and counts as the
  fault's until the job is run again. The totals that do not agree announce it.
- A rerun of a job whose totals agree is refused, as long as ERP remembers the file; a later one is applied again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.clock import DAY, HOUR, MINUTE, SECOND, TICK
from sim.draws import BODY_BITS, Kind, Paper, Purpose, keyed, keyed_int, paper, threshold, uniform_int
from sim.events import DOCUMENT_TYPE, INTERFACE, SOURCE, STATUS
from sim.ledger import Belief
from sim.middleware.feed import Feed
from sim.middleware.flights import BOOKING, Flight
from sim.middleware.messages import Journal, Messages, join
from sim.middleware.postings import PostingQueue
from sim.room import Room

I64 = npt.NDArray[np.int64]

#: When the jobs start, and when ERP must have a file, after midnight. Assumptions.
JOB_AT, DUE_AT = 2 * HOUR, 6 * HOUR
#: Share of failed jobs of which nothing arrives; of the others a part. Assumption.
_MISSING_SHARE = 0.5
#: Of a file that breaks off, the least share that arrives, and how much more at most. Assumptions.
_PART_LEAST, _PART_MORE = 0.1, 0.8
#: Minutes that a job takes, at least and at most. Assumption.
_MINUTES = (5, 80)
#: Days past the idempotency window that a shop keeps its files. Assumption.
_KEPT_DAYS = 2


@dataclass(eq=False)
class Job:
    """One shop's file of one day.

    Attributes:
        document_id: of the file.
        location: the shop.
        lines: what it holds.
        sent_at: when it was sent first.
        due_at: when ERP must have it.
        received: lines that ERP has booked.
        rest: what a failure kept back, or None.
        fault: number of that failure, or -1.
        runs: how often it was run again.
    """

    document_id: int
    location: int
    lines: Messages
    sent_at: int
    due_at: int
    key: int
    received: int = 0
    rest: Flight | None = None
    fault: int = -1
    runs: int = 0


class Batch(Feed):
    """The batch interface of a region's legacy shops.

    Args:
        room: the region.
        beliefs: the books it feeds.
        journal: of the tills.
        queue: of ERP.

    Attributes:
        legacy: which locations send by it, shape (locations,).
        failure_listeners: told of each job whose totals do not agree.
    """

    def __init__(self, room: Room, beliefs: tuple[Belief, ...], journal: Journal, queue: PostingQueue) -> None:
        super().__init__(room, INTERFACE["pos_batch"], beliefs, journal, by_document=False, queue=queue)
        bits = keyed(room.seed, Purpose.BATCH, room.region, np.arange(room.locations, dtype=np.int64))
        self.legacy = bits < threshold(room.config.middleware.legacy_share)
        self.legacy[0] = False
        self._collected: list[Messages] = []
        self._jobs: dict[int, Job] = {}
        self._flying: dict[Flight, Job] = {}
        self.failure_listeners: list[Callable[[Job], None]] = []

    def collect(self, messages: Messages) -> None:
        """Till lines of legacy shops: they go with the night's file."""
        self._collected.append(messages)

    # -- the night's jobs ------------------------------------------------------------------------

    def run_jobs(self) -> None:
        """Send yesterday's file of each legacy shop."""
        room = self.room
        old = room.now - (room.config.middleware.idempotency_days + _KEPT_DAYS) * DAY
        self._jobs = {document: job for document, job in self._jobs.items() if job.sent_at > old or job.rest}
        if not self._collected:
            return
        lines = join(self._collected)
        self._collected = []
        assert lines.sequence is not None
        lines = lines.take(np.lexsort((lines.sequence, lines.location)))
        for location in np.flatnonzero(self.legacy).tolist():
            first, last = np.searchsorted(lines.location, [location, location + 1])
            if first < last:
                self._start(location, lines.take(slice(int(first), int(last))))

    def _start(self, location: int, lines: Messages) -> None:
        """Send one file, or what a failure leaves of it."""
        room, night = self.room, self.room.now // DAY
        bits = keyed_int(room.seed, Purpose.BATCH, room.region, 1, location, night)
        key = paper(Paper.BATCH, (location << 14) | room.day_of(room.now))
        job = Job(room.ids.one(Kind.DOCUMENT, key, 15), location, lines, room.now, night * DAY + DUE_AT, key)
        self._jobs[job.document_id] = job
        minutes = _MINUTES[0] + int(uniform_int(bits) * (_MINUTES[1] - _MINUTES[0]))
        due = room.now + minutes * MINUTE
        sent = room.now + minutes * SECOND
        self._emit(job, room.ids.one(Kind.DOCUMENT, key, 0), "POS", sent, len(lines), "ok")
        kept = self._kept(job, keyed_int(bits, Purpose.BATCH))
        room.gauges.add("legacy_handoff", float(kept < len(lines)))
        self.monitor.sent(np.array([location]), np.array([due - room.now]), np.array([len(lines)]))
        if kept:
            self._fly(job, Flight(lines.take(slice(0, kept))), due)
        else:
            room.at(job.due_at, lambda: self._miss(job))

    def _kept(self, job: Job, bits: int) -> int:
        """How many lines of a file arrive; a failure keeps the rest back."""
        room, n = self.room, len(job.lines)
        fault_id = room.truth.fault_id("batch_failure", job.location, job.sent_at // DAY)
        if bits >= int(room.plan.below("batch_failure")) or not room.plan.strikes(
                "batch_failure", fault_id, job.sent_at, location=job.location, interface=self.interface):
            return n
        more = keyed_int(bits, Purpose.BATCH, 1)
        is_missing = uniform_int(more) < _MISSING_SHARE or n == 1
        share = _PART_LEAST + _PART_MORE * uniform_int(keyed_int(more, Purpose.BATCH))
        kept = 0 if is_missing else min(n - 1, max(1, int(n * share)))
        rest = job.lines.take(slice(kept, n))
        job.fault = room.truth.fault(
            "batch_failure", fault_id, job.sent_at, location=job.location, document_id=job.document_id,
            interface=self.interface, magnitude=n - kept, units=int(rest.on_hand.sum()),
        )
        job.rest = Flight(rest, tickets=[room.rules.hold_up(job.fault, rest.cell)])
        return kept

    def _fly(self, job: Job, flight: Flight, due: int) -> None:
        self._flying[flight] = job
        self.pend(flight, due)

    def arrive(self, flight: Flight) -> None:
        """Book what was let in, and compare the totals of the file that it is of."""
        super().arrive(flight)
        job = self._flying.pop(flight, None)
        if job is None:
            return
        job.received += len(flight.messages)
        self._compare(job, job.received, "ok" if job.rest is None else "partial")

    def _miss(self, job: Job) -> None:
        """A file was due and nothing of it is there."""
        if job.received == 0 and job.rest is not None:
            self._compare(job, 0, "missing")

    def _compare(self, job: Job, received: int, status: str) -> None:
        """ERP writes down what it has of a file; what it lacks is an exception."""
        room, key = self.room, job.key
        event = room.ids.one(Kind.DOCUMENT, key, 1)
        if job.runs:
            bits = keyed_int(room.seed, Purpose.IDS, 7002, room.region, key, job.runs)
            event = room.ids.one(Kind.REPAIR, bits >> (64 - BODY_BITS))
        at = room.now
        if received:
            # It came at some moment of the tick that ends now.
            at += keyed_int(room.seed, Purpose.ARRIVAL, key, job.runs) % TICK - TICK
        self._emit(job, event, "ERP", at, received, status)
        if status == "ok":
            return
        assert job.rest is not None
        lost = job.rest.messages
        room.truth.lineage(event, job.fault)
        room.truth.open_exception(
            "batch_failure", (job.location, job.sent_at // DAY), "batch_failure", [job.fault], at,
            location=job.location, document_id=job.document_id, interface=self.interface,
            first_evidence_at=at + BOOKING,
            loss_at_stake=float((np.abs(lost.on_hand) * room.economy.margin[lost.cell]).sum()),
        )
        for tell in self.failure_listeners:
            tell(job)

    def _emit(self, job: Job, event: int, source: str, at: int, lines: int, status: str) -> None:
        """One side's control totals."""
        row = np.array([at])
        units = int(np.abs(job.lines.on_hand[:lines]).sum())
        self.room.stream.emit(
            "batching", 1, event_id=np.array([event]), occurred_at=row, recorded_at=row, available_at=row + BOOKING,
            due_at=job.due_at, source=SOURCE[source], interface=self.interface, location=job.location, count=lines,
            quantity=units, status=STATUS[status], document_type=DOCUMENT_TYPE["batch"],
            document_id=job.document_id, attempt=job.runs + 1,
        )

    # -- repairs ---------------------------------------------------------------------------------

    def rerun(self, location: int, document: int, by: int) -> tuple[str, int]:
        """Run a job again; ERP takes what it lacks.

        Returns:
            "" or why it was refused, and the units it changes.
        """
        job = self._jobs.get(document)
        if job is None or job.location != location:
            return "no such batch is kept", 0
        if job.rest is not None:
            flight, job.rest = job.rest, None
            flight.by = by
            job.runs += 1
            self._link(by, [job.fault])
            self._fly(job, flight, self.room.now + TICK)
            return "", int(flight.messages.on_hand.sum())
        if job in self._flying.values():
            return "it is on its way", 0
        if by < 0 or self.room.now - job.sent_at < self.room.config.middleware.idempotency_days * DAY:
            return "the control totals agree", 0
        job.runs += 1
        return self._apply_again(job, by)

    def _apply_again(self, job: Job, by: int) -> tuple[str, int]:
        """ERP no longer knows the file, and books it once more."""
        room, lines = self.room, job.lines
        owner = room.truth.repair_fault(by, room.now, job.location, -1)
        cells, rows = np.unique(lines.cell, return_inverse=True)
        for b in self.beliefs:
            units = np.bincount(rows, np.broadcast_to(lines.units(b), len(lines)))
            for cell, total in zip(cells.tolist(), units.astype(np.int64).tolist(), strict=True):
                room.ledger.repair(b, cell, total, room.now, by, owner, owner)
        room.truth.hold(owner)
        job.received = 0
        self._fly(job, Flight(lines, by=by, fault=owner, second=True), room.now + TICK)
        return "", int(lines.on_hand.sum())

    def replay(self, location: int, sequence: int, by: int) -> tuple[str, int]:  # noqa: ARG002
        """A line of a file cannot be sent by itself."""
        return "a file goes as a whole", 0

    # -- what waits ------------------------------------------------------------------------------

    def collected(self, belief: Belief) -> npt.NDArray[np.int32]:
        """In-flight of one belief that the next night's files will bring, shape (cells,)."""
        out = np.zeros(self.room.ledger.cells, np.int32)
        for messages in self._collected:
            np.subtract.at(out, messages.cell, messages.units(belief))
        return out

    def in_flight(self, belief: Belief) -> npt.NDArray[np.int32]:
        """See :meth:`Feed.in_flight`; what is collected, and what failures keep back, waits too."""
        out = super().in_flight(belief) + self.collected(belief)
        for job in self._jobs.values():
            if job.rest is not None:
                np.subtract.at(out, job.rest.messages.cell, job.rest.messages.units(belief))
        return out
