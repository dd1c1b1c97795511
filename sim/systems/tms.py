"""The TMS: how long a lane takes, and which truck goes astray."""

from __future__ import annotations

from sim.clock import HOUR
from sim.draws import Purpose, keyed_int, lognormal_int, uniform_int
from sim.room import Room

#: Lognormal hours on the road: median and sigma. Assumption.
_TRAVEL_HOURS, _TRAVEL_SIGMA = 2.0, 0.35


def lane_times(room: Room, location: int, day: int, earliest: int) -> tuple[int, int]:
    """Departure and planned arrival of the truck to a store, from the earliest departure on."""
    lane = keyed_int(room.seed, Purpose.TRAVEL, room.region, location, day)
    departure = earliest + int(uniform_int(lane) * HOUR)
    hours = lognormal_int(keyed_int(lane, Purpose.TRAVEL), _TRAVEL_HOURS, _TRAVEL_SIGMA)
    return departure, departure + round(hours * HOUR)


def delay_fault(room: Room, location: int, day: int, transfer: int, units: int) -> int:
    """The transfer_delay fault of this truck, or -1."""
    bits = keyed_int(room.seed, Purpose.DELAY, room.region, location, day)
    fault_id = room.truth.fault_id("transfer_delay", location, day)
    below = int(room.plan.below("transfer_delay"))
    if bits >= below or not room.plan.strikes("transfer_delay", fault_id, room.now, location=location):
        return -1
    return room.truth.fault("transfer_delay", fault_id, room.now, location=location, document_id=transfer, units=units)


def delay(room: Room, location: int, day: int) -> int:
    """How much later than its service level a truck that went astray comes, microseconds."""
    spec = room.config.faults.transfer_delay
    bits = keyed_int(room.seed, Purpose.DELAY, room.region, location, day, 1)
    return round(max(2.0, lognormal_int(bits, spec.hours, spec.sigma)) * HOUR)
