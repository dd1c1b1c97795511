"""People: teams with heads, shifts and queues.

A team is a SimPy resource; who asks first with the lowest priority number is served first, ties by
key, so the order never depends on how events were scheduled. Work starts within the shift; the
integration team is on call round the clock. Minutes worked are what labour costs.
"""

from __future__ import annotations

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


class People:
    """The teams of a region."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.heads = heads_of(room)
        self._teams = {team: simpy.PriorityResource(room.env, heads) for team, heads in self.heads.items()}
        self.minutes: dict[str, float] = dict.fromkeys(TEAMS, 0.0)

    def queue_length(self, team: str) -> int:
        """Pieces of work that wait for the team."""
        return len(self._teams[team].queue)

    def work(
        self, team: str, key: int, priority: int = 100, minutes: float | None = None
    ) -> Generator[simpy.Event, Any, float]:
        """A piece of work: waits for a head on shift, takes its time, and returns the minutes.

        Args:
            key: of the work; draws its service time and breaks ties in the queue.
            minutes: fixed time instead of a lognormal one.
        """
        room, people = self._room, self._room.config.people
        if minutes is None:
            bits = keyed_int(room.seed, Purpose.SERVICE, key)
            minutes = lognormal_int(bits, people.service_minutes_median, people.service_sigma)
        with self._teams[team].request(priority=(priority, room.now, key)) as request:  # type: ignore[arg-type]
            yield request
            wait = self._until_shift(team)
            if wait:
                yield room.env.timeout(wait)
            yield room.env.timeout(round(minutes * MINUTE))
        self.minutes[team] += minutes
        room.figures["labour_minutes"] += minutes
        return minutes

    def spend(self, team: str, minutes: float) -> None:
        """Minutes of routine work that needs no queue (a morning's count list)."""
        self.minutes[team] += minutes
        self._room.figures["labour_minutes"] += minutes

    def _until_shift(self, team: str) -> int:
        """Microseconds until the team works."""
        people, clock = self._room.config.people, self._room.now % DAY
        if team == "integration" or people.shift_from * HOUR <= clock < people.shift_until * HOUR:
            return 0
        return (people.shift_from * HOUR - clock) % DAY
