"""The API gateway: the synchronous calls that the web shop makes to ask OMS what is available.

A call is answered, or refused at once; nobody queues it. In the order in which a call is tried:

- the interface is down (503), or shut for maintenance;
- its token has expired: tokens rotate twice a day, and whoever still holds the old one is told so
  (401), fetches the new one and calls again, which makes the load of that tick the greater;
- policy refuses its client (:mod:`sim.middleware.clients`): the version it calls under is retired (410), or its
  quota is used up (``quota``);
- the interface throttles (429): a share of the calls in an outage, and whatever the token bucket does
  not cover when demand bursts.

Latency grows with the load as in a queue with one server. Each hour's calls are one telemetry row a client,
with the version of the contract that the calls were made under.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from sim.clock import HOUR, MINUTE, TICK
from sim.draws import Kind, Purpose, keyed_int, lognormal_int
from sim.events import CLIENTS, INTERFACE, SOURCE, STATUS
from sim.middleware.clients import Clients
from sim.middleware.door import Door
from sim.middleware.flights import BOOKING, TRAFFIC, channel_key
from sim.room import Room

I64 = npt.NDArray[np.int64]

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
        clients: who calls, and what policy allows each.
    """

    def __init__(self, room: Room) -> None:
        self.room, self.interface = room, INTERFACE["web_oms"]
        self.door = Door(room, self.interface, "GATEWAY")
        self.clients = Clients(room, self.door)
        self._a_tick = room.config.online.calls_per_minute * TICK / MINUTE
        self._most = room.config.online.calls_per_minute * _BURST_MINUTES
        self._tokens, self._filled_at = self._most, room.calendar.start
        #: Answered calls of the hour, by client and version.
        self._calls: Counter[tuple[int, int]] = Counter()
        self._load = 0.0

    def is_open(self, now: int) -> bool:
        """Whether calls of the tick that ends at ``now`` can be answered at all."""
        down = self.door.outage is not None and self.door.outage.share >= 1.0
        return not down and not self.door.is_shut(now - TICK)

    def admit(self, calls: I64, now: int) -> I64:
        """How many of each client's calls of the tick that ends at ``now`` are answered; call it once a tick at most.

        Args:
            calls: that were made, by client, the first come first.
            now: end of the tick.
        """
        self._refill(now)
        made, none = int(calls.sum()), np.zeros_like(calls)
        if not made or self.door.is_shut(now - TICK):
            return none
        if not self.is_open(now):
            self.door.tell("503", "unavailable", 1, made)
            return none
        if now % _ROTATION == 0 and (stale := round(made * _STALE_SHARE)):
            self.door.tell("401", "rejected", 1, stale)
            made += stale
        allowed = self.clients.admit(calls, now)
        asked = answered = int(allowed.sum())
        if self.door.outage is not None:
            answered -= int(np.ceil(asked * self.door.outage.share))
        answered = min(answered, int(self._tokens))
        self._tokens -= answered
        if answered < asked:
            self.door.tell("429", "refused", 1, asked - answered)
            # In equal parts of what each asked, to the call.
            allowed = np.diff(np.cumsum(allowed) * answered // asked, prepend=0)
        self.clients.charge(allowed)
        for client in np.flatnonzero(allowed).tolist():
            self._calls[client, int(self.clients.uses[client])] += int(allowed[client])
        self._load = max(self._load, made / self._a_tick)
        return allowed

    def _refill(self, now: int) -> None:
        """What the bucket has gained since it was last asked."""
        gained = (now - self._filled_at) / TICK * self._a_tick
        self._tokens, self._filled_at = min(self._most, self._tokens + gained), now

    def report_hour(self, now: int) -> None:
        """At the end of an hour: how many calls of each client and version were answered, and how fast."""
        if self._calls:
            held = sorted(self._calls.items())
            called, version = np.array([key for key, _ in held]).T
            room, tick = self.room, self.room.tick_of(now)
            at = np.full(len(called), now + BOOKING)
            bits = keyed_int(room.seed, Purpose.GATEWAY, room.region, tick)
            slow = lognormal_int(bits, _LATENCY_MS, _LATENCY_SIGMA) / (1.0 - min(self._load, _LOAD_MAX))
            key = channel_key(self.interface, called + len(CLIENTS) * version, tick)
            event = room.ids.of(Kind.CHANNEL, key, TRAFFIC)
            room.stream.emit(
                "telemetry", len(called), event_id=event, occurred_at=at - BOOKING, recorded_at=at, available_at=at,
                source=SOURCE["GATEWAY"], interface=self.interface, count=np.array([count for _, count in held]),
                latency_p95_ms=int(slow), status=STATUS["ok" if self.door.outage is None else "unavailable"],
                version=version, partner=room.vocabulary.client(0) + called,
            )
        self._calls.clear()
        self._load = 0.0
