"""Who calls through the API gateway, and what its policy allows each: a version of the contract, and a quota.

The web shop's own pages move to a new version with its release. The app and the marketplace go on with the old
one, which is supported for some days; most move in time. Who has not moved at the sunset is refused (410) until it
has, which then takes hours. A client on a version older still keeps the sunset of that one, and moves to the latest.

The marketplace, as an outsider, has a quota of calls a day, agreed on what it sells on a usual day: in a season it
may run out of it before midnight, and what it calls from then on is refused (``quota``) while the others are served.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt

from sim.clock import DAY, HOUR
from sim.draws import Purpose, keyed, lognormal, uniform
from sim.events import CLIENTS
from sim.middleware.door import Door
from sim.room import Room

I64 = npt.NDArray[np.int64]

#: Share of the web shop's orders by client. Assumption.
SHARES = (0.55, 0.35, 0.10)
#: Days that an old version is supported; days in which a client moves (median), and their spread. Assumptions.
_SUPPORTED, _MOVE_DAYS, _MOVE_SIGMA = 14 * DAY, 7.0, 0.6
#: Hours in which a client that is refused moves after all, at least and at most. Assumptions.
_RESCUE_HOURS = (2.0, 12.0)
#: Calls a day that the marketplace may make, over those of its usual day, and however few those are. Assumptions.
_QUOTA, _QUOTA_LEAST = 1.6, 1000
_PAGES, _MARKETPLACE = CLIENTS.index("pages"), CLIENTS.index("marketplace")
_NEVER = 2**62


class Clients:
    """The clients of a region's gateway; arrays of shape (clients,), in the order of :data:`sim.events.CLIENTS`.

    Args:
        room: the region.
        door: of the gateway, which tells of what is refused.

    Attributes:
        version: the latest of the contract.
        uses: the version that each client calls under.
        sunset: when that version is retired, far off for the latest.
        quota: calls that each may make a day.
    """

    def __init__(self, room: Room, door: Door) -> None:
        self._room, self._door = room, door
        self.version = 1
        self.uses: I64 = np.ones(len(CLIENTS), np.int64)
        self.sunset = np.full(len(CLIENTS), _NEVER)
        self.quota = np.full(len(CLIENTS), _NEVER)
        self._moves_at = np.full(len(CLIENTS), _NEVER)
        self._used, self._day = np.zeros(len(CLIENTS), np.int64), 0

    def agree(self, calls_a_day: float) -> None:
        """The marketplace's quota is set by what all clients together call on a usual day."""
        usual = calls_a_day * SHARES[_MARKETPLACE]
        self.quota[_MARKETPLACE] = max(_QUOTA_LEAST, round(_QUOTA * usual))

    def release(self) -> int:
        """A new version is out from now on; returns when the one before it is retired."""
        room, now = self._room, self._room.now
        until, is_latest = now + _SUPPORTED, self.uses == self.version
        is_latest[_PAGES] = False
        self.version += 1
        key = np.arange(len(CLIENTS), dtype=np.int64)
        bits = keyed(room.seed, Purpose.GATEWAY, room.region, 1, room.tick_of(now), key)
        low, high = _RESCUE_HOURS
        rescue = low + (high - low) * uniform(keyed(room.seed, Purpose.GATEWAY, room.region, 2, room.tick_of(now), key))
        planned = now + (lognormal(bits, _MOVE_DAYS, _MOVE_SIGMA) * DAY).astype(np.int64)
        moves_at = np.minimum(planned, until + (rescue * HOUR).astype(np.int64))
        self.sunset[is_latest], self._moves_at[is_latest] = until, moves_at[is_latest]
        self.uses[_PAGES] = self.version
        for client in np.flatnonzero(is_latest & (moves_at > until)).tolist():
            room.at(until, partial(self._retire, client, int(self.uses[client]), int(moves_at[client])))
        return until

    def _retire(self, client: int, version: int, moves_at: int) -> None:
        """A version's sunset, for a client that still calls under it: what it is refused until it moves is benign."""
        if self.uses[client] == version:
            room = self._room
            room.truth.decoy("retired_version", (self._door.interface, version, client), room.now, moves_at)

    def adopt(self, version: int) -> None:
        """All move to a version together, unless they are past it."""
        if self.version < version:
            self.version = version
            self.uses[:] = version
            self.sunset[:] = self._moves_at[:] = _NEVER

    def admit(self, calls: I64, now: int) -> I64:
        """What policy lets through of the calls of the tick that ends at ``now``, by client; tells what it refuses."""
        moved = self._moves_at < now
        if moved.any():
            self.uses[moved] = self.version
            self.sunset[moved] = self._moves_at[moved] = _NEVER
        if (now - 1) // DAY != self._day:
            self._day = (now - 1) // DAY
            self._used[:] = 0
        current = np.where(self.sunset < now, 0, calls)
        allowed: I64 = np.minimum(current, self.quota - self._used)
        for code, refused in (("410", calls - current), ("quota", current - allowed)):
            for client in np.flatnonzero(refused).tolist():
                self._door.tell(code, "refused", 1, int(refused[client]), client)
        return allowed

    def charge(self, answered: I64) -> None:
        """Calls count against a quota once they are answered."""
        self._used += answered
