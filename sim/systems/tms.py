"""The TMS: lanes and their service levels, how long a truck takes, which goes astray, and when it is expected.

A few carriers share a region's trucks; each is faster or slower, and loses more or fewer of them, than
the others, so that their rates are those of the configuration taken together.

Every lane has a distance of its own, and a service level that follows from it: a truck that meets no
trouble is always inside it. The carrier sends an ETA at departure and another half-way. What went
astray is known half-way only in part: some carriers notice and say so, the others repeat the plan.
Of the transfers that look late some are there: the truck came, and its confirmation is what is late.
"""

from __future__ import annotations

import numpy as np

from sim.clock import HOUR, SECOND
from sim.draws import Kind, Paper, Purpose, keyed_int, lognormal_int, paper, uniform_int
from sim.events import CARRIERS, CODE, DOCUMENT_TYPE, INTERFACE, NO_CODE, NULL, SOURCE, STATUS
from sim.room import Room

#: Lognormal hours on the road: median and sigma over lanes, and sigma over the trips of one. Assumptions.
_LANE_HOURS, _LANE_SIGMA, _TRIP_SIGMA = 2.0, 0.3, 0.2
#: Least and greatest of a lane's hours. Assumptions.
_SHORTEST, _LONGEST = 0.5, 5.0
#: A lane's service level from the review on: two hours to pick, up to six until the truck leaves, twice the lane's
#: own time, and two hours to spare. Assumptions.
_BEFORE, _SPARE, _TIMES = 8, 2, 2.0
#: Share of trucks gone astray whose carrier says so half-way, and the spread of what an ETA gets wrong. Assumptions.
_NOTICED, _ETA_SIGMA = 0.6, 0.1
#: Spread between carriers (sigmas of lognormals): of the share of their trucks that is late, and of hours. Assumptions.
_LATE_SIGMA, _SPEED_SIGMA = 0.6, 0.1
#: Share of late transfers that came in time and of which only the confirmation is late. Assumption.
_UNCONFIRMED_SHARE = 0.25
#: Packing of an ETA's key: from | to | day.
FROM_SHIFT, TO_SHIFT = 22, 11


def lane_hours(room: Room, source: int, destination: int) -> float:
    """Usual hours on the road from one location to another."""
    bits = keyed_int(room.seed, Purpose.TRAVEL, room.region, source, destination, 1)
    return min(max(lognormal_int(bits, _LANE_HOURS, _LANE_SIGMA), _SHORTEST), _LONGEST)


def service_level(room: Room, source: int, destination: int) -> int:
    """When goods ordered now are due at their destination, in microseconds from now: whole hours."""
    return (_BEFORE + _SPARE + round(_TIMES * lane_hours(room, source, destination))) * HOUR


def carrier_of(room: Room, transfer: int) -> int:
    """Which of :data:`sim.events.CARRIERS` drives a truck."""
    return keyed_int(room.seed, Purpose.CARRIER, room.region, transfer) % len(CARRIERS)


def _than_others(room: Room, carrier: int, trait: int, sigma: float) -> float:
    """A carrier's trait over the mean of the region's carriers."""
    traits = [lognormal_int(keyed_int(room.seed, Purpose.CARRIER, room.region, trait, one), 1.0, sigma)
              for one in range(len(CARRIERS))]
    return traits[carrier] * len(traits) / sum(traits)


def lane_times(room: Room, source: int, destination: int, day: int, earliest: int, transfer: int) -> tuple[int, int]:
    """Departure and planned arrival of a truck, from the earliest departure on."""
    lane = keyed_int(room.seed, Purpose.TRAVEL, room.region, source, destination, day)
    departure = earliest + int(uniform_int(lane) * HOUR)
    usual = lane_hours(room, source, destination)
    speed = _than_others(room, carrier_of(room, transfer), 1, _SPEED_SIGMA)
    hours = min(speed * lognormal_int(keyed_int(lane, Purpose.TRAVEL), usual, _TRIP_SIGMA), _TIMES * usual)
    return departure, departure + round(hours * HOUR)


def delay_fault(room: Room, location: int, day: int, transfer: int, units: int) -> int:
    """The transfer_delay fault of this truck, or -1; it names an interface where only the confirmation is late."""
    bits = keyed_int(room.seed, Purpose.DELAY, room.region, location, day)
    fault_id = room.truth.fault_id("transfer_delay", location, day)
    carrier = carrier_of(room, transfer)
    below = int(room.plan.below("transfer_delay", _than_others(room, carrier, 2, _LATE_SIGMA)))
    if bits >= below or not room.plan.strikes("transfer_delay", fault_id, room.now, location=location):
        return -1
    interface = INTERFACE["store_erp"] if comes_unconfirmed(room, location, day) else NO_CODE
    return room.truth.fault("transfer_delay", fault_id, room.now, location=location, document_id=transfer, units=units,
                            interface=interface)


def comes_unconfirmed(room: Room, location: int, day: int) -> bool:
    """Whether a truck with a fault comes in time, and only its confirmation is late."""
    bits = keyed_int(room.seed, Purpose.DELAY, room.region, location, day, 2)
    return uniform_int(bits) < _UNCONFIRMED_SHARE


def delay(room: Room, location: int, day: int) -> int:
    """How much later than its service level a truck that went astray, or a confirmation, comes, microseconds."""
    spec = room.config.faults.transfer_delay
    bits = keyed_int(room.seed, Purpose.DELAY, room.region, location, day, 1)
    return round(max(2.0, lognormal_int(bits, spec.hours, spec.sigma)) * HOUR)


def expect(room: Room, source: int, destination: int, day: int, transfer: int, due: int, planned: int,
           arrival: int, fault: int = -1) -> None:
    """Send the ETAs of a truck that departs now.

    Args:
        room: the region.
        source: where it leaves.
        destination: where it goes.
        day: of its key.
        transfer: its document.
        due: the service level: an ETA after it is said to be late.
        planned: when it would arrive if all goes well.
        arrival: when it will arrive if nobody looks for it.
        fault: of a truck that went astray, or -1.
    """
    carrier = CODE[CARRIERS[carrier_of(room, transfer)]]
    key = (source << FROM_SHIFT) | (destination << TO_SHIFT) | day
    bits = keyed_int(room.seed, Purpose.ETA, room.region, key)

    def say(step: int, truly: int) -> None:
        error = lognormal_int(keyed_int(bits, Purpose.ETA, step), 1.0, _ETA_SIGMA)
        eta = room.now + round((truly - room.now) * error)
        at, event = np.array([room.now]), room.ids.one(Kind.DOCUMENT, paper(Paper.ETA, key), step)
        room.stream.emit(
            "expecting", 1, event_id=np.array([event]), occurred_at=at, recorded_at=at,
            available_at=at + 60 * SECOND, due_at=eta, source=SOURCE["TMS"], interface=INTERFACE["tms_erp"],
            location=destination, partner=source, code=carrier, document_type=DOCUMENT_TYPE["transfer"],
            document_id=transfer, correlation_id=transfer, status=STATUS["late" if eta > due else "in_transit"],
        )
        if fault >= 0 and truly != planned:
            room.truth.lineage(event, fault)

    say(0, planned)
    noticed = fault >= 0 and uniform_int(keyed_int(bits, Purpose.ETA, 2)) < _NOTICED
    room.at(room.now + (planned - room.now) // 2, lambda: say(1, arrival if noticed else planned))


def truck_row(room: Room, event_type: str, event: int, source: int, destination: int, transfer: int, due: int,
              occurred_at: int = NULL) -> None:
    """A row about a whole truck: it departs or arrives, now or at an earlier time that is told only now."""
    at = np.array([room.now])
    since = at if occurred_at == NULL else np.array([occurred_at])
    here, there = (source, destination) if event_type == "departing" else (destination, source)
    room.stream.emit(
        event_type, 1, event_id=np.array([event]), occurred_at=since, recorded_at=at, available_at=at + 60 * SECOND,
        due_at=due, source=SOURCE["TMS"], location=here, partner=there, document_type=DOCUMENT_TYPE["transfer"],
        document_id=transfer, correlation_id=transfer, status=STATUS["in_transit"],
        code=CODE[CARRIERS[carrier_of(room, transfer)]],
    )
