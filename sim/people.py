"""People: teams with heads, shifts and queues.

Who has the lowest priority number is served first, then who asked first, ties by key, so the order
never depends on how events were scheduled. The queue is a heap: a backlog of thousands is what an
understaffed team has, and SimPy's own priority queue sorts all of it at every request. Work starts
within the shift; the integration team is on call round the clock. The minutes are those of keeping
records right: cases, counts, approvals and repairs. Handling goods is the trade itself, in every arm.
"""

from __future__ import annotations

import heapq
from collections.abc import Generator
from typing import Any

import simpy

from sim.actions import TEAMS
from sim.clock import DAY, HOUR, MINUTE
from sim.draws import Purpose, keyed_int, lognormal_int
from sim.room import Room


def heads_of(room: Room) -> dict[str, int]:
    """Heads of each team in this region: its share, in whole heads, at least one."""
    people, share = room.config.people, room.stores / 100.0
    store = people.store_per_store * room.stores
    chain = {"store": store / share if share else 1.0}
    chain |= {team: float(getattr(people, team)) for team in TEAMS if team != "store"}
    return {team: max(1, round(heads * share)) for team, heads in chain.items()}


class Team:
    """Heads that work one thing at a time, and who waits for them."""

    def __init__(self, env: simpy.Environment, heads: int) -> None:
        self._env = env
        self._free = heads
        self._waiting: list[tuple[int, int, int, int, simpy.Event]] = []
        self._ordinal = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def ask(self, priority: int, key: int) -> simpy.Event:
        """An event that succeeds when a head is free; give it back with :meth:`free`."""
        turn = self._env.event()
        self._ordinal += 1
        heapq.heappush(self._waiting, (priority, int(self._env.now), key, self._ordinal, turn))
        self._serve_soon()
        return turn

    def free(self) -> None:
        """A head has finished."""
        self._free += 1
        self._serve_soon()

    def _serve_soon(self) -> None:
        """Serve after all who ask in this instant have asked."""
        if self._free and self._waiting:
            self._env.timeout(0).callbacks.append(lambda _: self._serve())

    def _serve(self) -> None:
        while self._free and self._waiting:
            self._free -= 1
            heapq.heappop(self._waiting)[-1].succeed()


class People:
    """The teams of a region."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.heads = heads_of(room)
        self._teams = {team: Team(room.env, heads) for team, heads in self.heads.items()}
        self.minutes: dict[str, float] = dict.fromkeys(TEAMS, 0.0)

    def work(
        self, team: str, key: int, priority: int = 100, minutes: float | None = None
    ) -> Generator[simpy.Event, Any, float]:
        """A piece of work: waits for a head on shift, takes its time, and returns the minutes.

        Args:
            team: a name of ``sim.actions.TEAMS``.
            priority: lower is sooner.
            key: of the work; draws its service time and breaks ties in the queue.
            minutes: fixed time instead of a lognormal one.
        """
        room, people = self._room, self._room.config.people
        if minutes is None:
            bits = keyed_int(room.seed, Purpose.SERVICE, key)
            minutes = lognormal_int(bits, people.service_minutes_median, people.service_sigma)
        # Nobody queues by night: at the start of the shift the most urgent work is taken up first.
        wait = self._until_shift(team)
        if wait:
            yield room.env.timeout(wait)
        yield self._teams[team].ask(priority, key)
        wait = self._until_shift(team)
        if wait:
            yield room.env.timeout(wait)
        yield room.env.timeout(round(minutes * MINUTE))
        self._teams[team].free()
        self.minutes[team] += minutes
        room.figures["labour_minutes"] += minutes
        return minutes

    def spend(self, team: str, minutes: float) -> None:
        """Minutes of counting and approving that need no queue (a morning's count list)."""
        self.minutes[team] += minutes
        self._room.figures["labour_minutes"] += minutes

    def _until_shift(self, team: str) -> int:
        """Microseconds until the team works."""
        people, clock = self._room.config.people, self._room.now % DAY
        if team == "integration" or people.shift_from * HOUR <= clock < people.shift_until * HOUR:
            return 0
        return (people.shift_from * HOUR - clock) % DAY
