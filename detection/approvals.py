"""Who must approve what: by kind, by value, and never the team that carries it out.

Inventory adjustments, valuation impacts and supplier claims always need a person. Replaying an
original or reversing a proven duplicate is none of these. What a team owns it decides on itself. A count
asks for nothing first: the adjustment that follows from it does, in the world. Inventory control answers for
supplier claims and raises them too: so those that it raises go up to finance.
"""

from __future__ import annotations

#: Kinds whose approver follows from the value by the ladder.
BY_VALUE: frozenset[str] = frozenset({"adjust", "resync"})
#: Kinds with an approver of their own, whatever the value.
BY_KIND: dict[str, str] = {
    "claim": "inventory_control",
    # A conversion and an item number are the master-data steward's, whoever reverses and posts again.
    "fix_conversion": "master_data",
    "fix_map": "change_board",
    "merge_item": "master_data",
    "scrap": "inventory_control",
    "reverse": "finance",
}
#: Kinds that their own team decides on: it does them itself, or approves that a machine does.
OWNED: dict[str, str] = {"push_price": "pricing"}


#: Role that approves -> the team it belongs to, where the two have different names.
TEAM_OF_ROLE: dict[str, str] = {"store_manager": "store", "accounts_payable": "finance"}
#: Teams of one duty. What integration or finance carries out, another duty approves; within operations it is
#: enough that another team does, as the ladder says.
DUTIES: dict[str, frozenset[str]] = {
    "integration": frozenset({"integration"}),
    "finance": frozenset({"finance", "accounts_payable"}),
}


def team_of(role: str) -> str:
    """The team whose people have a role."""
    return TEAM_OF_ROLE.get(role, role)


def may_approve(role: str, team: str, counters: frozenset[str] = frozenset()) -> bool:
    """Whether a role may approve what a team carries out: not its own, its duty's, nor what it counted.

    Args:
        role: that approves.
        team: that raises and carries out; empty for a machine.
        counters: teams whose counts the step rests on.
    """
    approver = team_of(role)
    if approver == team or approver in counters:
        return False
    return not any(approver in teams and team in teams for teams in DUTIES.values())


def approver_for(
    kind: str, value: float, team: str, ladder: tuple[tuple[float, str], ...], counters: frozenset[str] = frozenset()
) -> str:
    """The role that must approve first; empty for none.

    Segregation of duties: where the role that should approve carries the step out itself or counted for it, the
    next one up approves; at the top it is another team's head.
    """
    if kind in OWNED:
        return OWNED[kind] if OWNED[kind] != team else ""
    if kind in BY_KIND:
        asked: tuple[str, ...] = (BY_KIND[kind],)
    elif kind in BY_VALUE:
        asked = tuple(role for limit, role in ladder if value <= limit)
    else:
        return ""
    return next(role for role in (*asked, *_HEADS) if may_approve(role, team, counters))


#: Who approves what those who should may not, since it is their own.
_HEADS: tuple[str, ...] = ("inventory_control", "finance", "supply_chain")
