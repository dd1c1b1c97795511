"""The trail is sealed: whatever is changed, removed, moved or cut off is found."""

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
