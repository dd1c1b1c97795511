"""The trail is sealed: whatever is changed, removed, moved or cut off is found."""

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.audit import GENESIS, AuditLog, verify_chain


def log(length):
    made = AuditLog()
    for number in range(length):
        made.append(number, "decision", case=number * 7, rule=f"rule {number}", confidence=number / 8)
    return made


def test_an_untouched_chain_holds():
    made = log(12)
    assert verify_chain(made.lines(), made.head) is None
    assert log(12).lines() == made.lines()
    assert verify_chain([], GENESIS) is None


@given(st.integers(1, 8), st.data())
def test_any_changed_character_is_found(length, data):
    made = log(length)
    lines = list(made.lines())
    row = data.draw(st.integers(0, length - 1))
    at = data.draw(st.integers(0, len(lines[row]) - 1))
    other = data.draw(st.characters(min_codepoint=33, max_codepoint=126).filter(lambda c: c != lines[row][at]))
    lines[row] = lines[row][:at] + other + lines[row][at + 1 :]
    assert verify_chain(lines, made.head) == row


@given(st.integers(2, 8), st.data())
def test_a_removed_or_moved_line_is_found(length, data):
    made = log(length)
    lines = list(made.lines())
    row = data.draw(st.integers(0, length - 1))
    assert verify_chain([line for number, line in enumerate(lines) if number != row], made.head) is not None
    other = data.draw(st.integers(0, length - 1).filter(lambda number: number != row))
    lines[row], lines[other] = lines[other], lines[row]
    assert verify_chain(lines, made.head) is not None


def test_a_chain_cut_short_is_found_by_its_head():
    made = log(5)
    assert verify_chain(made.lines()[:3]) is None
    assert verify_chain(made.lines()[:3], made.head) == 3


def _reseal(lines):
    """What a forger who knows the rule would write: every seal made anew over the changed records."""
    forged = AuditLog()
    for line in lines:
        record = json.loads(line)["record"]
        forged.append(record.pop("at"), record.pop("event"), **record)
    return list(forged.lines())


def _edit(lines, random):
    row = random.randrange(len(lines))
    entry = json.loads(lines[row])
    name = random.choice(sorted(entry["record"]))
    value = entry["record"][name]
    entry["record"][name] = value + 1 if isinstance(value, (int, float)) else value + "x"
    lines[row] = json.dumps(entry, separators=(",", ":"))


def _delete(lines, random):
    del lines[random.randrange(len(lines))]


def _reorder(lines, random):
    one, other = random.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]


def _truncate(lines, random):
    del lines[random.randrange(len(lines)) :]


@pytest.mark.parametrize("tamper", [_edit, _delete, _reorder, _truncate])
def test_of_a_thousand_forgeries_all_are_found_even_where_the_seals_were_made_anew(tamper):
    made = log(40)
    for number in range(250):
        random = Random(number)
        lines = list(made.lines())
        tamper(lines, random)
        if number % 2:
            lines = _reseal(lines)
        assert lines != list(made.lines())
        assert verify_chain(lines, made.head) is not None
