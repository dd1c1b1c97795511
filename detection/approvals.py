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
TEAM_OF_ROLE: dict[str, str] = {"store_manager": "store"}


def approver_for(kind: str, value: float, team: str, ladder: tuple[tuple[float, str], ...]) -> str:
    """The role that must approve first; empty for none.

    Segregation of duties: where the ladder names the team that carries the step out, the next role up
    approves; at the top it is another team's head.
    """
    if kind in OWNED:
        return OWNED[kind] if OWNED[kind] != team else ""
    if kind in BY_KIND:
        role = BY_KIND[kind]
        return role if role != team else _elsewhere(team)
    if kind not in BY_VALUE:
        return ""
    for limit, role in ladder:
        if value <= limit and TEAM_OF_ROLE.get(role, role) != team:
            return role
    return _elsewhere(team)


def _elsewhere(team: str) -> str:
    """Who approves what a team may not approve since it is its own."""
    return "inventory_control" if team != "inventory_control" else "finance"
