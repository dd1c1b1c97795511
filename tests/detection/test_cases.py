"""A case moves along its table and no other way; its diagram is made from the table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.cases import TRANSITIONS, Case, CaseBook, TransitionError, diagram
from detection.taxonomy import Finding
from sim.events import INTERFACE

EVENTS = sorted({event for events in TRANSITIONS.values() for event in events})


def make(location=1, item=2, case_id=1):
    finding = Finding("phantom_stock", location=location, item=item)
    return Case(case_id, finding.subject, finding, opened_at=0)


@given(st.lists(st.sampled_from(EVENTS), max_size=30))
def test_a_case_follows_its_table(events):
    case = make()
    for event in events:
        allowed = TRANSITIONS[case.status]
        if event in allowed:
            expected = allowed[event]
            case.apply(event)
            assert case.status == expected
        else:
            before = case.status
            with pytest.raises(TransitionError, match=event):
                case.apply(event)
            assert case.status == before


def test_every_status_is_known_and_reached():
    reached = {following for events in TRANSITIONS.values() for following in events.values()}
    assert reached | {"new"} == set(TRANSITIONS)


def test_the_diagram_shows_every_transition():
    text = diagram()
    for status, events in TRANSITIONS.items():
        for event, following in events.items():
            assert f"{status} --> {following}: {event}" in text


def test_one_open_case_a_subject_and_the_next_after_it_closed():
    book = CaseBook()
    first = make()
    book.add(first)
    assert book.open_on(first.subject) is first
    first.apply("classified")
    book.close(first, now=5)
    assert book.open_on(first.subject) is None
    assert book.ordinal(first.subject) == 1
    assert book.related(1, 2, since=4) == [first]
    assert book.related(1, 2, since=6) == []


@pytest.mark.parametrize(
    ("finding", "subject"),
    [
        (
            Finding("dropped_message", location=1, interface=INTERFACE["pos_erp"], sequence=7, item=3),
            ("message", INTERFACE["pos_erp"], 1, 7),
        ),
        (Finding("transfer_delay", location=1, document_id=9), ("document", 9, -1, 0)),
        (Finding("posting_lag", location=1, document_id=9, interface=2), ("document", 9, -1, 0)),
        (Finding("count_variance", location=1, item=4, document_id=9), ("cell", 1, 4, 0)),
        (Finding("unit_of_measure", location=0, item=4), ("item", 4, 0, 0)),
        (Finding("api_outage", interface=2), ("interface", 2, -1, 0)),
    ],
)
def test_a_finding_speaks_of_one_subject(finding, subject):
    assert finding.subject == subject


def test_an_unknown_type_is_refused_with_the_valid_ones():
    with pytest.raises(ValueError, match="phantom_stock"):
        Finding("ghost_stock")
