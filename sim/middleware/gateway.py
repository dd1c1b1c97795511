"""The API gateway: the synchronous calls that the web shop makes to ask OMS what is available.

A call is answered, or refused at once; nobody queues it. In the order in which a call is tried:

- the interface is down (503), or shut for maintenance;
- its token has expired: tokens rotate twice a day, and whoever still holds the old one is told so
  (401), fetches the new one and calls again;
- the interface throttles (429): a share of the calls in an outage, and whatever the token bucket does
  not cover when demand bursts.

Latency grows with the load as in a queue with one server. Each hour's calls are one telemetry row,
with the version of the contract that the calls were made under.
"""

from __future__ import annotations

import numpy as np

from sim.clock import HOUR, MINUTE, TICK
from sim.draws import Kind, Purpose, keyed_int, lognormal_int
from sim.events import INTERFACE, SOURCE, STATUS
from sim.middleware.door import Door
from sim.middleware.flights import BOOKING, TRAFFIC, channel_key
from sim.room import Room

#: Tokens rotate so often, and this share of a tick's callers still hold the old one. Assumptions.
_ROTATION, _STALE_SHARE = 12 * HOUR, 0.2
#: Minutes of the allowed rate that the bucket can save up. Assumption.
_BURST_MINUTES = 20.0
#: Milliseconds that 95% of calls keep at no load, and the spread from hour to hour. Assumptions.
_LATENCY_MS, _LATENCY_SIGMA, _LOAD_MAX = 120.0, 0.15, 0.95


class Gateway:
    """The gateway of a region.

    Args:
        room: the region.

    Attributes:
        interface: code of the calls it guards.
        door: whether it answers at all.
        version: of the contract that calls are made under.
    """

    def __init__(self, room: Room) -> None:
        self.room, self.interface = room, INTERFACE["web_oms"]
        self.door = Door(room, self.interface, "GATEWAY")
        self.version = 1
        self._a_tick = room.config.online.calls_per_minute * TICK / MINUTE
        self._most = room.config.online.calls_per_minute * _BURST_MINUTES
        self._tokens, self._filled_at = self._most, room.calendar.start
        self._calls = 0
        self._load = 0.0

    def is_open(self, now: int) -> bool:
        """Whether calls of the tick that ends at ``now`` can be answered at all."""
        down = self.door.outage is not None and self.door.outage.share >= 1.0
        return not down and not self.door.is_shut(now - TICK)

    def admit(self, calls: int, now: int) -> int:
        """How many of the calls of the tick that ends at ``now`` are answered; call it once a tick.

        Args:
            calls: that were made, the first come first.
            now: end of the tick.
        """
        self._refill(now)
        if not calls:
            return 0
        if self.door.is_shut(now - TICK):
            return 0
        if not self.is_open(now):
            self.door.tell("503", "unavailable", 1, calls)
            return 0
        if now % _ROTATION == 0 and (stale := round(calls * _STALE_SHARE)):
            self.door.tell("401", "rejected", 1, stale)
        answered = calls
        if self.door.outage is not None:
            answered -= int(np.ceil(calls * self.door.outage.share))
        answered = min(answered, int(self._tokens))
        self._tokens -= answered
        if answered < calls:
            self.door.tell("429", "refused", 1, calls - answered)
        self._calls += answered
        self._load = max(self._load, calls / self._a_tick)
        return answered

    def _refill(self, now: int) -> None:
        """What the bucket has gained since it was last asked."""
        gained = (now - self._filled_at) / TICK * self._a_tick
        self._tokens, self._filled_at = min(self._most, self._tokens + gained), now

    def report_hour(self, now: int) -> None:
        """At the end of an hour: how many calls were answered, and how fast."""
        if self._calls:
            room, at = self.room, np.array([now + BOOKING])
            tick = room.tick_of(now)
            bits = keyed_int(room.seed, Purpose.GATEWAY, room.region, tick)
            slow = lognormal_int(bits, _LATENCY_MS, _LATENCY_SIGMA) / (1.0 - min(self._load, _LOAD_MAX))
            event = room.ids.one(Kind.CHANNEL, channel_key(self.interface, 0, tick), TRAFFIC)
            room.stream.emit(
                "telemetry", 1, event_id=np.array([event]), occurred_at=at - BOOKING, recorded_at=at, available_at=at,
                source=SOURCE["GATEWAY"], interface=self.interface, count=self._calls, latency_p95_ms=int(slow),
                status=STATUS["ok" if self.door.outage is None else "unavailable"], version=self.version,
            )
        self._calls, self._load = 0, 0.0
