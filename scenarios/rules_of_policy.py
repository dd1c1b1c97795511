"""What the rules of a policy may be: tiers, types and roles that exist, thresholds that rise.

Every refusal names the key as the user would write it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import pairwise

from detection.approvals import TEAM_OF_ROLE
from detection.reviews import MODES, REVIEWERS
from detection.severity import TIERS
from scenarios.errors import UserError, choices
from scenarios.schema import Policy
from sim.actions import TEAMS
from sim.faults.types import EXCEPTIONS

#: Least days that a closed case is kept: what is younger still explains new ones.
RETENTION_DAYS_MIN = 14
#: Most hours in which what makes a storm may come: the operator looks a day back.
STORM_HOURS_MAX = 24
_ROLES: tuple[str, ...] = (*TEAMS, *TEAM_OF_ROLE)


def check_policy(policy: Policy) -> None:
    """Refuse rules that nobody could follow.

    Raises:
        UserError: naming the key and what it may be.
    """
    for name in ("confidence_by_type", "precision_floor_by_type"):
        table: Mapping[str, float] = getattr(policy, name)
        _check_names(f"policy.{name}", table, EXCEPTIONS, "type")
        _check_shares(f"policy.{name}", table)
    _check_names("policy.severity", policy.severity, TIERS[:-1], "tier")
    _check_names("policy.escalate_hours_by_severity", policy.escalate_hours_by_severity, TIERS, "tier")
    for tier, hours in policy.escalate_hours_by_severity.items():
        if hours > 8_760:
            raise UserError(f"policy.escalate_hours_by_severity.{tier}={hours:g}: must be from 0 to 8,760")
    if policy.person_from is not None:
        _check_one("policy.person_from", policy.person_from, TIERS, "tier")
    for name in policy.reviews:
        _check_one("policy.reviews", name, REVIEWERS, "change")
    _check_one("policy.review_mode", policy.review_mode, MODES, "choice")
    _check_names("policy.reviewers", policy.reviewers, REVIEWERS, "change")
    for name, role in policy.reviewers.items():
        _check_one(f"policy.reviewers.{name}", role, _ROLES, "role")
    _check_one("policy.model_owner", policy.model_owner, _ROLES, "role")
    _check_order(policy)
    if policy.storm_hours > STORM_HOURS_MAX:
        raise UserError(f"policy.storm_hours={policy.storm_hours:g}: must be at most {STORM_HOURS_MAX}: a storm is "
                        "over after a quiet day")
    if policy.retention_days < RETENTION_DAYS_MIN:
        raise UserError(f"policy.retention_days={policy.retention_days}: must be at least {RETENTION_DAYS_MIN}: "
                        "what is younger is still worked with")


def _check_order(policy: Policy) -> None:
    """Graver tiers begin at higher values, higher roles approve more."""
    steps = [(f"policy.severity.{tier}", policy.severity[tier]) for tier in TIERS[:-1] if tier in policy.severity]
    ladder = [("policy.inventory_control_limit", policy.inventory_control_limit),
              ("policy.store_manager_limit", policy.store_manager_limit)]
    for group in (steps, ladder):
        for (higher, above), (lower, below) in pairwise(group):
            if above <= below:
                raise UserError(f"{higher}={above:g}: must be above {lower}={below:g}")


def _check_names(key: str, table: Mapping[str, object], valid: Collection[str], noun: str) -> None:
    for name in table:
        if name not in valid:
            raise UserError(f"{key}.{name}: no such {noun}; {choices(valid, name)}")


def _check_one(key: str, name: str, valid: Collection[str], noun: str) -> None:
    if name not in valid:
        raise UserError(f"{key}={name}: no such {noun}; {choices(valid, name)}")


def _check_shares(key: str, table: Mapping[str, float]) -> None:
    for name, value in table.items():
        if not 0 <= value <= 1:
            raise UserError(f"{key}.{name}={value:g}: is a share, from 0 to 1")
