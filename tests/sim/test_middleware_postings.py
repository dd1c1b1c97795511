"""ERP's posting queue against the arithmetic of backlogs, and what it does to books, rows and labels."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pytest

from sim.clock import HOUR, TICK
from sim.config import Config
from sim.events import CODE, DOCUMENT_TYPE, INTERFACE, SOURCE, STATUS
from sim.middleware.flights import Flight
from sim.middleware.messages import Messages
from sim.middleware.postings import PostingQueue
from sim.room import Room
from sim.world import RegionWorld
from tests.sim.message_words import busy_config
from tests.sim.small_world import Played, Watcher, quiet_config


@dataclass
class Book:
    """What ERP has booked, one number a batch, in order."""

    room: Room
    interface: int = INTERFACE["wms_erp"]
    by_document: bool = True
    service: int = 4 * HOUR
    booked: list[int] = field(default_factory=list)

    def arrive(self, flight: Flight) -> None:
        """See :class:`sim.middleware.postings.Poster`."""
        self.booked.append(int(flight.messages.document_id[0]))
        for ticket in flight.tickets:
            self.room.rules.let_go(ticket)


def _queue(capacity: float) -> tuple[PostingQueue, Book]:
    """An idle queue of a small region, and who books."""
    room = RegionWorld(quiet_config(stores=1, items=5), 1, 0).room
    queue = PostingQueue(room)
    queue.capacity = capacity
    queue.work()
    return queue, Book(room)


def _flight(number: int, lines: int) -> Flight:
    zeros = np.zeros(lines, np.int64)
    return Flight(Messages(location=zeros.astype(np.int32), cell=zeros, on_hand=zeros.astype(np.int32), key=zeros,
                           sent_at=zeros, document_id=zeros + number, document_type=DOCUMENT_TYPE["receipt"],
                           code=CODE["101"]))


def _arrivals(load: float, ticks: int, capacity: int, seed: int) -> npt.NDArray[np.int64]:
    """Lines by tick: few mostly, and now and then a burst of twelve ticks' work."""
    draw = np.random.default_rng(seed)
    usual = draw.poisson(load * capacity, ticks)
    return usual + np.where(draw.random(ticks) < 0.02, 12 * capacity, 0)


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_single_lines_wait_as_lindley_says_and_in_order(load: float):
    """Backlog after a tick is max(0, backlog before + arrivals - capacity) (Lindley 1952); Little's law to the tick."""
    (queue, book), number, ticks = _queue(20.0), itertools.count(), 2000
    arrivals, backlog, area, waits = _arrivals(load, ticks, 20, 1), 0, 0, 0
    came: list[int] = []
    for tick, lines in enumerate(arrivals.tolist()):
        done = len(book.booked)
        queue.work()
        for _ in range(lines):
            came.append(tick)
            queue.take(book, _flight(next(number), 1))
        backlog = max(0, backlog + lines - 20)
        assert len(queue.waiting) == backlog
        area += backlog
        waits += sum(tick - came[one] for one in book.booked[done:])
    assert book.booked == sorted(book.booked)
    assert area == waits + sum(ticks - came[int(f.messages.document_id[0])] for _, f in queue.waiting)
    assert area > ticks


def test_batches_are_booked_whole_and_no_faster_in_the_long_run():
    """What was booked since the last idle moment is capacity times ticks, to within a batch."""
    (queue, book), lines = _queue(20.0), np.random.default_rng(2).integers(1, 90, 400)
    for number, size in enumerate(lines.tolist()):
        queue.take(book, _flight(number, size))
    ticks = 1
    while queue.waiting:
        assert 20 * ticks <= lines[: len(book.booked)].sum() < 20 * ticks + 90
        queue.work()
        ticks += 1
    assert ticks == pytest.approx(lines.sum() / 20, abs=90 / 20)


def test_what_is_urgent_goes_ahead_and_costs_its_share():
    queue, book = _queue(10.0)
    for number in range(4):
        queue.take(book, _flight(number, 10))
    urgent = _flight(99, 10)
    urgent.is_urgent = True
    queue.take(book, urgent)
    assert book.booked == [0, 99]
    queue.work()
    assert book.booked == [0, 99]
    queue.work()
    assert book.booked == [0, 99, 1]


def test_only_what_waits_behind_retries_is_held_up_by_their_outage():
    queue, book = _queue(10.0)
    rules, truth = book.room.rules, book.room.truth
    fault = truth.fault("api_outage", 1, book.room.now, interface=book.interface)
    ahead, behind = _flight(1, 10), _flight(3, 10)
    retry = _flight(2, 10)
    retry.attempt, retry.turned_away_by, retry.tickets = 1, fault, [rules.hold_up(fault, retry.messages.cell)]
    for flight in (_flight(0, 10), ahead, retry, behind):
        queue.take(book, flight)
    assert not ahead.tickets
    assert [rules.fault_of(ticket) for ticket in behind.tickets] == [fault]
    held = []
    while queue.waiting:
        queue.work()
        held.append((book.booked[-1], truth.holds(fault)))
    assert held == [(1, True), (2, True), (3, True)]
    queue.work()
    assert not truth.holds(fault)
    for number in (4, 5):
        last = _flight(number, 10)
        queue.take(book, last)
    assert len(queue.waiting) == 1
    assert not last.tickets


def _turned_away(book: Book, number: int, lines: int, fault: int) -> Flight:
    flight = _flight(number, lines)
    flight.turned_away_by = fault
    flight.tickets = [book.room.rules.hold_up(fault, flight.messages.cell)]
    return flight


def test_a_backlog_that_is_booked_at_once_still_holds_up_what_must_wait_for_it():
    queue, book = _queue(10.0)
    rules, truth = book.room.rules, book.room.truth
    fault = truth.fault("api_outage", 1, book.room.now, interface=book.interface)
    # Half the tick is left: it is booked whole, five ticks' work, and a redriven letter has no attempt behind it.
    queue.take(book, _turned_away(book, 0, 55, fault))
    assert (book.booked, truth.holds(fault)) == ([0], True)
    for number in (1, 2):
        queue.work()
        queue.take(book, flight := _flight(number, 2))
        assert [rules.fault_of(ticket) for ticket in flight.tickets] == [fault]
    # 45 and 4 lines at ten a tick, of which two ticks are over.
    for _ in range(2):
        queue.work()
        assert truth.holds(fault)
    queue.work()
    assert (book.booked, truth.holds(fault)) == ([0, 1, 2], False)
    queue.take(book, _flight(3, 25))
    queue.take(book, after := _flight(4, 5))
    assert not after.tickets


def test_what_was_turned_away_and_finds_time_to_spare_holds_nobody_up():
    queue, book = _queue(10.0)
    fault = book.room.truth.fault("api_outage", 1, book.room.now, interface=book.interface)
    queue.take(book, _turned_away(book, 0, 6, fault))
    assert not book.room.truth.holds(fault)
    queue.take(book, _flight(1, 8))
    queue.take(book, after := _flight(2, 1))
    assert not after.tickets


def test_only_what_turned_it_away_is_waited_for():
    """A document that lagged as well is no backlog of the lag: that ends when the document is booked."""
    queue, book = _queue(10.0)
    rules, truth = book.room.rules, book.room.truth
    outage = truth.fault("api_outage", 1, book.room.now, interface=book.interface)
    lag = truth.fault("posting_lag", 2, book.room.now, interface=book.interface)
    retry = _turned_away(book, 0, 30, outage)
    retry.tickets.append(rules.hold_up(lag, retry.messages.cell))
    queue.take(book, _flight(9, 10))
    queue.take(book, retry)
    behind = _flight(1, 10)
    queue.take(book, behind)
    assert [rules.fault_of(ticket) for ticket in behind.tickets] == [outage]
    queue.work()
    assert (truth.holds(lag), truth.holds(outage)) == (False, True)


def test_a_document_that_waits_past_its_service_level_for_no_fault_is_told_as_benign():
    played, _ = _played(busy_config(), 2.5)
    decoys = played.truth.decoys
    late = [number for number, kind in enumerate(decoys.kind) if kind == "posting_backlog"]
    assert len(late) > 5
    service = round(played.world.room.config.middleware.service_hours * HOUR)
    assert all(decoys.until[number] - decoys.since[number] > service for number in late)


def test_the_capacity_is_that_of_a_mean_tick_times_the_headroom():
    config = quiet_config(stores=2, items=20)
    config.world.daily_units = 100.0
    room = RegionWorld(config, 1, 0).room
    assert PostingQueue(room).capacity == pytest.approx(12.0 * float(room.economy.rate.sum()) / 96)
    assert PostingQueue(room).capacity > 300


# -- in a world ------------------------------------------------------------------------------------


def _played(config: Config, capacity: float, busy: dict[int, bool] | None = None) -> tuple[Played, dict[int, int]]:
    """A world whose ERP posts so many lines a tick, and the batches that waited at the end of each."""
    world = RegionWorld(config, 1, 0)
    world.region.postings.capacity = capacity
    waiting: dict[int, int] = {}

    def after(now: int) -> list[dict[str, object]]:
        waiting[now] = len(world.region.postings.waiting)
        if busy is not None:
            busy[now] = world.region.postings.is_busy
        return []

    watcher = Watcher(after=after)
    world.run(watcher.step)
    return Played(world, watcher), waiting


def test_a_slow_erp_posts_the_same_later_and_nothing_is_wrong():
    """The books are checked every tick by the world itself; a wait that nothing caused is no exception."""
    fast, _ = _played(busy_config(), 1e9)
    slow, waiting = _played(busy_config(), 2.5)
    assert np.mean([count > 0 for count in waiting.values()]) > 0.1
    mine, theirs = (played.of("posting").set_index("event_id") for played in (slow, fast))
    both = mine.index.intersection(theirs.index)
    assert len(both) > 0.8 * len(theirs)
    delay = mine.loc[both].available_at - theirs.loc[both].available_at
    # Within its tick a batch that waited is booked at a moment of its own.
    assert (delay > -TICK).all()
    assert (delay > 4 * HOUR).sum() > 10
    assert not len(slow.exceptions())
    told = slow.of("telemetry")
    told = told[told.source == SOURCE["ERP"]]
    assert set(told.status) == {STATUS["pending"]}
    hours = {now for now, count in waiting.items() if count and now % HOUR == 0 and now < slow.end}
    assert set(told.occurred_at) == hours
    assert not told.duplicated(["occurred_at", "interface"]).any()
    assert not told.event_id.duplicated().any()


def test_an_outage_is_over_when_all_that_waits_behind_its_retries_is_booked():
    config = busy_config(api_outage=60.0)
    busy: dict[int, bool] = {}
    (fast, _), (slow, _) = _played(config, 1e9), _played(config, 3.0, busy)
    theirs = fast.faults("api_outage").set_index("fault_id")
    times, later = np.array(sorted(busy)), 0
    for fault in slow.faults("api_outage").itertuples():
        before = theirs.loc[fault.fault_id]
        assert before.onset == fault.onset
        if fault.restored_at == -1:
            continue
        assert fault.restored_at >= before.restored_at
        if fault.restored_at > before.restored_at:
            later += 1
            until = times[(times >= before.restored_at) & (times < fault.restored_at)]
            assert all(busy[now] for now in until.tolist())
    assert later >= 2
    assert set(slow.exceptions().type) <= {"api_outage", "negative_inventory", "phantom_stock"}


def test_what_is_expedited_out_of_the_queue_is_booked_once():
    """An operator hastens late documents, some of which ERP has by then; the books would show a second booking."""
    config = busy_config(posting_lag=0.5)
    config.faults.posting_lag.hours = 1.0
    world, asked = RegionWorld(config, 1, 0), 0
    world.region.postings.capacity = 2.0

    def after(_: int) -> list[dict[str, object]]:
        nonlocal asked
        found = [(poster.interface, flight.gap) for poster, flight in world.region.postings.waiting if flight.gap]
        asked += len(found)
        return [{"kind": "expedite", "interface": interface, "location": gap[0], "sequence": gap[1]}
                for interface, gap in found]

    watcher = Watcher(after=after)
    world.run(watcher.step)
    played = Played(world, watcher)
    assert asked > 5
    assert list(played.outcomes().values()).count("") > 5
    posted = played.of("posting")
    assert not posted.duplicated(["interface", "location", "sequence"]).any()
