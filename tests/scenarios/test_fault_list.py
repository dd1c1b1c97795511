"""What the list of faults says of each type is what the catalogue of exceptions says, and what the policy asks for.

The catalogue stands here once more, in short: kind (i: inferred), plane, root cause, and who answers for the remedy.
"""

from __future__ import annotations

import json

import pytest

from detection.approvals import BY_KIND, approver_for
from detection.remedies import PLANS
from detection.spec import OperatorSpec
from scenarios.listing import listing
from sim.actions import KINDS
from sim.clock import DAY
from sim.desk import APPROVERS
from sim.faults.types import BY_NAME, TYPES
from sim.flows.skewing import _NOTICED_DAYS, _SLOT

CATALOGUE = """\
receiving_variance    FX    P     PD     inventory_control
negative_inventory    X i   I     -      inventory_control
phantom_stock         X i   both  PD     store_manager
transfer_delay        FX i  both  TD     inventory_control
duplicate_item        FX i  I     DS     master_data
price_mismatch        FX i  I     TD BR  pricing
rtv_gap               FX i  both  TD     accounts_payable
count_variance        FX    P     PD     ladder
late_asn              FX i  I     TD     inventory_control
carton_mismatch       FX    I     DS     dc
posting_lag           FX i  I     TD     auto
short_pick            FX    P     PD     store_manager
missing_disposition   FX i  I     BR     store_manager
reservation_leak      FX i  I     DS     order_management
duplicate_message     FX i  I     DS     auto integration
dropped_message       FX i  I     DS     integration
out_of_order          FX i  I     TD     auto
schema_drift          FX    I     DS     integration change_board
api_outage            FX    I     TD     integration
batch_failure         FX    I     TD     integration
unit_of_measure       FX i  I     BR     master_data inventory_control
clock_skew            FX i  I     DS     integration
shrink                F i   P     PD     loss_prevention
misplacement          F i   P     PD     store_manager
scan_error            F i   I     PD     store_manager
"""
PLANES = {"P": "physical", "I": "information", "both": "both"}
CAUSES = {"DS": "data_synchronization", "BR": "business_rule", "TD": "timing_delay", "PD": "physical_discrepancy"}
#: Type -> the kind of its plan that somebody must agree to first.
AGREED = {"receiving_variance": "claim", "unit_of_measure": "fix_conversion", "duplicate_item": "merge_item",
          "schema_drift": "fix_map"}


def _columns(line: str) -> list[str]:
    return [part.strip() for part in line.split("  ") if part.strip()]


@pytest.mark.parametrize("line", CATALOGUE.splitlines(), ids=lambda line: line.split()[0])
def test_a_type_is_as_the_catalogue_has_it(line: str) -> None:
    name, kind, plane, causes, approvers = _columns(line)
    entry = BY_NAME[name]
    assert (entry.kind, entry.inferred) == (kind.removesuffix(" i"), kind.endswith(" i"))
    assert entry.plane == PLANES[plane]
    assert [cause for cause in (entry.cause, entry.other_cause) if cause] == [
        CAUSES[cause] for cause in causes.split() if cause != "-"]
    assert list(entry.approvers) == approvers.split()
    (shown,) = (row for row in listing(["faults"]).splitlines() if row.startswith(f"{name} "))
    assert _columns(shown)[1].removesuffix(", ambient") == kind


def test_the_catalogue_is_whole_and_its_approvers_are_roles_that_the_desk_knows() -> None:
    assert {line.split()[0] for line in CATALOGUE.splitlines()} == {entry.name for entry in TYPES}
    roles = {role for entry in TYPES for role in entry.approvers}
    assert roles - {"auto", "ladder"} <= set(APPROVERS)


@pytest.mark.parametrize(("name", "kind"), AGREED.items())
def test_who_answers_for_a_type_is_whom_the_policy_asks(name: str, kind: str) -> None:
    assert kind in PLANS[name, ""]
    ladder = OperatorSpec().governance.approval_ladder
    # Whoever carries it out: the desk itself has no team here.
    assert approver_for(kind, 10.0, "", ladder) in BY_NAME[name].approvers
    assert kind in BY_KIND
    assert kind in KINDS


def test_the_list_tells_what_hours_are_of_and_of_how_many() -> None:
    rows = {row["name"]: row for row in json.loads(listing(["faults", "--json"]))}
    assert {name for name, row in rows.items() if row["hours"]} == {entry.name for entry in TYPES if entry.duration}
    assert (rows["api_outage"]["hours"], rows["shrink"]["hours"]) == (4.0, None)
    shown = " ".join(listing(["faults"]).split())
    assert "hours (20): how" in shown
    assert "timing delay or" in shown
    assert "master data," in shown


def test_the_default_of_a_wrong_clock_is_the_share_that_its_unit_says() -> None:
    """0.05 of the shops in 28 days, for as long as nobody wonders: shops that are wrong at any time, by Little."""
    (entry,) = (row for row in json.loads(listing(["faults", "--json"])) if row["name"] == "clock_skew")
    at_any_time = entry["rate"] / (_SLOT / DAY) * sum(_NOTICED_DAYS) / 2
    assert f"of {entry['rate']}, {at_any_time:.1%} of the shops" in entry["rate_unit"]
    assert f"for {_NOTICED_DAYS[0]:.0f} to {_NOTICED_DAYS[1]:.0f} days" in entry["rate_unit"]
    assert 0.005 <= at_any_time <= 0.01
