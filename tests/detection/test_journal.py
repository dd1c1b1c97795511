"""The rings of sequence numbers answer like a dictionary would, through growth and wrap-around."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.views.journal import Journal, RowLog
from sim.events import EVENT_TYPE, INTERFACE, Block

STORE, WMS = INTERFACE["store_erp"], INTERFACE["wms_erp"]


def block_of(interface, location, first, count):
    columns = {
        "interface": interface,
        "location": np.full(count, location),
        "sequence": np.arange(first, first + count),
        "event_id": np.arange(first, first + count) * 10 + location,
    }
    return Block(EVENT_TYPE["receiving"], columns, count)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from([(STORE, 1), (STORE, 2), (WMS, 0)]), st.integers(1, 900), st.booleans()), max_size=25
    )
)
def test_rings_remember_what_a_dictionary_would(batches):
    journal, log = Journal(locations=3, items=4), RowLog(100)
    known, following = {}, {}
    for (interface, location), count, ends_day in batches:
        first = following.get((interface, location), 0)
        following[interface, location] = first + count
        block = block_of(interface, location, first, count)
        ring = journal.ring_of(np.full(count, interface), np.full(count, location))
        sequence = np.arange(first, first + count)
        journal.write(ring, sequence, sequence % 7 + 1, log.append(block))
        known.update({(interface, location, int(number)): int(number) % 7 + 1 for number in sequence})
        if ends_day:
            # Two days on, nothing before has to be remembered.
            journal.end_day()
            journal.end_day()
            known = {}
    for (interface, location, number), change in known.items():
        ring = journal.ring_of(np.array([interface]), np.array([location]))
        address = journal.address(ring, np.array([number]))
        assert journal.number[address][0] == number
        assert journal.change[address][0] == change
        block, row = journal.lookup(log, interface, location, number)
        assert int(block.columns["event_id"][row]) == number * 10 + location


def test_a_number_never_sent_is_unknown():
    journal, log = Journal(locations=3, items=4), RowLog(4)
    assert journal.lookup(log, STORE, 1, 5) is None
    assert journal.lookup(log, INTERFACE["edi_wms"], 0, 5) is None
    assert journal.lookup(log, STORE, -1, 5) is None
