"""What is changed on interfaces on purpose: announced maintenance, and releases.

Both are announced by a row, and both are harmless as a rule: in maintenance the queue waits and drains
after it, a release raises the version of an interface. Now and then a release breaks the mapping
of one kind of document, and looks like any other until the dead letters come. All are drawn by absolute
day, never by the length of the run.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import simpy

from sim.actions import Action
from sim.clock import DAY, HOUR, TICK
from sim.draws import Kind, Paper, Purpose, keyed, keyed_int, lognormal_int, paper, threshold, uniform_int
from sim.events import DOCUMENT_TYPE, INTERFACE, SOURCE, STATUS
from sim.flows.manual import Manual
from sim.flows.mending import Mending, Outcome
from sim.middleware.carrier import Carrier
from sim.middleware.contracts import CANONICAL_VERSION
from sim.middleware.routing import MAPPINGS
from sim.region import Region

_DAYS = 30.0
#: Harmless releases a region and 30 days. Assumption.
_RELEASES = 4.0
#: Share of broken mappings that only some places run into, and the share of places then. Assumptions.
_PARTIAL, _PLACES = 0.3, 0.5
#: Share of harmless releases that are of the web shop's calls. Assumption.
_OF_CALLS = 0.1
#: Hours until someone looks at the dead letters. Assumption.
_NOTICED_HOURS = 5.0
#: Hours of the day between which maintenance starts: the first, and how many. Assumption.
_FROM_HOUR, _HOURS = 6.0, 13.0


class Maintaining:
    """Maintenance and releases of a region, and how a broken mapping is mended."""

    def __init__(self, region: Region, mending: Mending, manual: Manual) -> None:
        self._region, self._mending, self._manual = region, mending, manual
        self._first_day = region.room.now // DAY
        mending.remedies["fix_map"] = self.fix_map
        for carrier in region.carriers:
            carrier.contract.listeners.append(lambda carrier=carrier: self._rejected(carrier))  # type: ignore[misc]

    def days(self) -> Generator[simpy.Event, Any, None]:
        """Each midnight the day's plan is drawn."""
        room = self._region.room
        while True:
            day = room.now // DAY
            if self._is_canonical(room.now):
                for carrier in self._region.carriers:
                    carrier.contract.version = max(carrier.contract.version, CANONICAL_VERSION)
                self._region.gateway.clients.adopt(CANONICAL_VERSION)
            self._plan_maintenance(day)
            for number, rate in enumerate((_RELEASES, room.plan.rate("schema_drift"))):
                self._plan_release(day, number, rate)
            yield room.env.timeout(DAY - room.now % DAY)

    def _is_canonical(self, time: int) -> bool:
        since = self._region.room.config.middleware.canonical_from_day
        return since is not None and time // DAY - self._first_day >= since

    # -- maintenance -----------------------------------------------------------------------------

    def _plan_maintenance(self, day: int) -> None:
        room, config = self._region.room, self._region.room.config
        bits = keyed_int(room.seed, Purpose.MAINTENANCE, room.region, day)
        if bits >= int(threshold(config.confounders.maintenance_rate / _DAYS)):
            return
        more = [uniform_int(keyed_int(bits, Purpose.MAINTENANCE, part)) for part in range(3)]
        door = self._region.doors[int(more[0] * len(self._region.doors))]
        begin = day * DAY + int((_FROM_HOUR + more[1] * _HOURS) * HOUR) // TICK * TICK
        # It ends well before the first message that waits could be late.
        hours = min(config.confounders.maintenance_hours * (0.5 + more[2]), config.middleware.service_hours - 1.0)
        until = begin + max(1, round(hours * HOUR / TICK)) * TICK
        # A moment before, so that the tick that begins then finds it shut.
        room.at(begin - 1, lambda: self._maintain(door.interface, begin, until))

    def _maintain(self, interface: int, begin: int, until: int) -> None:
        room = self._region.room
        self._region.door(interface).shut(begin, until)
        self._announce(Paper.MAINTENANCE, "maintenance", interface, begin, due_at=until)
        room.truth.decoy("planned_maintenance", (interface, begin // DAY), begin, until + HOUR)

    def _announce(self, kind: Paper, status: str, interface: int, at: int, number: int = 0, **more: int) -> None:
        room, when = self._region.room, np.array([at])
        event = room.ids.one(Kind.DOCUMENT, paper(kind, (interface << 16) | room.day_of(at)), number)
        room.stream.emit(
            "announcing", 1, event_id=np.array([event]), occurred_at=when, recorded_at=when, available_at=when,
            source=SOURCE["MIDDLEWARE"], interface=interface, status=STATUS[status], **more,
        )

    # -- releases --------------------------------------------------------------------------------

    def _plan_release(self, day: int, number: int, rate: float) -> None:
        """One release a day of each sort at most: harmless ones (0), and such as may break something (1)."""
        room = self._region.room
        bits = keyed_int(room.seed, Purpose.SCHEMA, room.region, day, number)
        if bits >= int(threshold(rate / _DAYS)):
            return
        # With a tick, so that no message was read the old way after it and posted before it.
        when = day * DAY + int(uniform_int(keyed_int(bits, Purpose.SCHEMA)) * DAY) // TICK * TICK
        if when >= room.now:
            room.at(when, lambda: self._release(bits, day, number, when))

    def _release(self, bits: int, day: int, number: int, when: int) -> None:
        room, chosen = self._region.room, uniform_int(keyed_int(bits, Purpose.SCHEMA, 1))
        # By a draw of its own: both sorts choose among the other interfaces alike, or the choice would tell them apart.
        if number == 0 and uniform_int(keyed_int(bits, Purpose.SCHEMA, 3)) < _OF_CALLS:
            gateway = self._region.gateway
            until = gateway.clients.release()
            self._release_harmlessly(gateway.interface, when, number, gateway.clients.version, due_at=until)
            return
        name, document = MAPPINGS[int(chosen * len(MAPPINGS))]
        carrier = self._region.carrier(INTERFACE[name])
        assert carrier is not None
        breaks = number == 1 and not carrier.contract.is_broken
        if breaks and self._is_canonical(when):
            version = carrier.contract.version + 1
            self._announce(Paper.RELEASE, "refused", carrier.interface, when, number, version=version)
            return
        carrier.contract.version += 1
        fault_id = room.truth.fault_id("schema_drift", carrier.interface, day)
        if breaks and room.plan.strikes("schema_drift", fault_id, when, interface=carrier.interface):
            self._announce(Paper.RELEASE, "release", carrier.interface, when, number, version=carrier.contract.version)
            self._break(carrier, fault_id, DOCUMENT_TYPE[document], keyed_int(bits, Purpose.SCHEMA, 2))
        else:
            self._release_harmlessly(carrier.interface, when, number, carrier.contract.version)

    def _release_harmlessly(self, interface: int, when: int, number: int, version: int, **more: int) -> None:
        """A new version that everyone understands; of the calls' the row says when the old one is retired."""
        self._announce(Paper.RELEASE, "release", interface, when, number, version=version, **more)
        self._region.room.truth.decoy("harmless_release", (interface, when // DAY, number), when, when + DAY)

    def _break(self, carrier: Carrier, fault_id: int, document_type: int, bits: int) -> None:
        room = self._region.room
        places = np.ones(room.locations, np.bool_)
        if uniform_int(bits) < _PARTIAL:
            chosen = keyed(room.seed, Purpose.SCHEMA, room.region, bits, np.arange(room.locations, dtype=np.int64))
            places = chosen < threshold(_PLACES)
            places[0] = True
        fault = room.truth.fault("schema_drift", fault_id, room.now, interface=carrier.interface, acting=True,
                                 magnitude=int(places.sum()))
        carrier.contract.break_map(document_type, places, fault)

    # -- mending ---------------------------------------------------------------------------------

    def fix_map(self, action: Action) -> Outcome:
        """Mend the mapping of an interface; what it rejected must still be redriven."""
        interface = int(action.interface)
        carrier = self._region.carrier(interface)
        if carrier is None and interface != self._region.gateway.interface:
            return "no such interface", 0
        fault = carrier.contract.mend() if carrier is not None else -1
        if fault < 0:
            return "the mapping is right", 0
        self._region.room.truth.lineage(action.action_id, fault)
        return "", 0

    def _rejected(self, carrier: Carrier) -> None:
        """Someone notices the letters in a few hours, and has the mapping mended after about a day."""
        room, spec = self._region.room, self._region.room.config.faults.schema_drift
        bits = keyed_int(room.seed, Purpose.SCHEMA, room.region, 3, carrier.interface, room.now // DAY)
        hours = min(max(lognormal_int(bits, spec.hours, spec.sigma), _NOTICED_HOURS), 10 * _NOTICED_HOURS)
        room.at(room.now + round(_NOTICED_HOURS * HOUR), lambda: self._find(carrier, hours - _NOTICED_HOURS))

    def _find(self, carrier: Carrier, hours: float) -> None:
        if carrier.contract.is_broken:
            self._manual.found("schema_drift", "integration", round(hours * HOUR), lambda: self._mend(carrier),
                               interface=carrier.interface)

    def _mend(self, carrier: Carrier) -> None:
        """The mapping is mended, and what was rejected goes out again once the interface is up."""
        carrier.contract.mend()
        self._redrive(carrier)

    def _redrive(self, carrier: Carrier) -> None:
        room = self._region.room
        if carrier.door.outage is not None:
            room.at(room.now + HOUR, lambda: self._redrive(carrier))
        else:
            self._mending.redrive(carrier.interface, -1)
