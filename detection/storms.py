"""Storms: what one interface brings too fast for a case each, filed under one.

- An interface *storms* once its raw alerts (numbers that are missing or came twice, and findings) within half a day
  are as many as the rule says and more than its share of the lines delivered meanwhile, with findings enough among
  them. A busy interface loses a line now and then, and one may repeat itself all day without harm; a document that
  lags is no burst, and counts in no storm.
- What it brings from then on joins the storm's case as a *member*: a case in all but its file. A member has its own
  diagnosis, plan, approvals and verification, so nothing is repaired in bulk that was not looked at; what is on record,
  and what people are told when it goes up, is the case that *heads* the family.
- A storm is over when a whole day brought no more than the rule allows. Its case closes when no remedy of a member is
  left to try. What none of them put right was not the storm's: :mod:`detection.intake` opens it anew.

An outage heads a family of its own where it keeps suppliers' notices back.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable

from detection.cases import Case
from detection.severity import severity_of
from detection.spec import OperatorSpec
from detection.taxonomy import Finding, Subject
from detection.views.columns import IntArray
from detection.views.state import Views
from sim.clock import DAY, HOUR
from sim.events import INTERFACE, NO_CODE

#: Scope of the subject of a storm's case.
STORM = "storm"
#: Share of the raw alerts that findings must be: the rest is noise that the consumers put up with.
_FOUND = 0.1
#: Types that tell of an interface, and the interface of those whose findings name none.
_CAME_BY: dict[str, int] = {"out_of_order": INTERFACE["edi_erp"]}
_TYPES = frozenset(
    {"dropped_message", "duplicate_message", "posting_lag", "late_asn", "batch_failure", "api_outage", "schema_drift"}
)
#: What a family is taken for as soon as one of its members is: it explains the others.
_GRAVER = ("api_outage", "schema_drift")


def interface_of(finding: Finding) -> int:
    """The interface that a finding tells of; -1 where it tells of none."""
    return finding.interface if finding.type in _TYPES else _CAME_BY.get(finding.type, NO_CODE)


def subject_of(interface: int) -> Subject:
    """What the case of a storm is about."""
    return (STORM, interface, 0, 0)


class Storms:
    """The families of a region, and the interfaces that storm.

    Args:
        spec: of the operator; its rule of storms and its tiers of severity.
    """

    def __init__(self, spec: OperatorSpec) -> None:
        self._rule, self._severity = spec.storm, spec.governance.severity
        #: Raw alerts of the last day by interface: when, signals of the middleware, and lines of a finding.
        self._came: dict[int, deque[tuple[int, int, int]]] = {}
        #: Lines that had been delivered at the ends of its hours, by interface.
        self._lines: deque[tuple[int, IntArray]] = deque()
        #: Interfaces that storm, and since when.
        self._raging: dict[int, int] = {}
        #: Cases of storms by interface, heads by id, and open members by the id of their head and their own.
        self._storms: dict[int, Case] = {}
        self._heads: dict[int, Case] = {}
        self._members: dict[int, dict[int, Case]] = {}

    def watch(self, views: Views) -> list[Case]:
        """Take in a step's signals; once an hour, see which storms are over, and return the cases of those."""
        channels, now = views.channels, views.now
        single = [gap.interface for gap in channels.gaps_opened if gap.count == 1]
        for interface, signals in Counter([*single, *(second.interface for second in channels.doubled)]).items():
            self._came.setdefault(interface, deque()).append((now, signals, 0))
        if not views.is_new_hour:
            return []
        self._lines.append((now, channels.lines()))
        while self._lines[0][0] < now - DAY - HOUR:
            self._lines.popleft()
        for came in self._came.values():
            while came and came[0][0] <= now - DAY:
                came.popleft()
        self._raging = {
            interface: since for interface, since in self._raging.items()
            if now - since < DAY or self._is_much(views, interface, DAY, 0)
        }  # fmt: skip
        return [head for interface, head in self._storms.items() if interface not in self._raging]

    def count(self, views: Views, findings: Iterable[Finding]) -> None:
        """Findings came, each counted once; an interface that thereby storms does so from now on."""
        for finding in findings:
            interface = interface_of(finding)
            if interface != NO_CODE and finding.type != "posting_lag":
                # A file that fails is as many lines that are missing.
                lines = int(finding.score) if finding.type == "batch_failure" else 1
                self._came.setdefault(interface, deque()).append((views.now, 0, max(1, lines)))
                if self._is_much(views, interface, int(self._rule.hours * HOUR), self._rule.findings):
                    self._raging.setdefault(interface, views.now)

    def is_raging(self, interface: int) -> bool:
        """Whether what comes of an interface now belongs to its storm."""
        return interface in self._raging

    def case_on(self, interface: int) -> Case | None:
        """The open case of a storm, over or not."""
        return self._storms.get(interface)

    def head_of(self, case: Case) -> Case:
        """The case that a member is filed under; a case that is no member heads itself."""
        return self._heads.get(case.family, case)

    def begin(self, head: Case) -> None:
        """A storm has got its case."""
        head.family = head.case_id
        self._storms[head.subject[1]] = head

    def join(self, head: Case, member: Case) -> bool:
        """File a case under another; returns whether the family is now taken for what the member is."""
        member.family = head.case_id
        self._heads[head.case_id] = head
        self._members.setdefault(head.case_id, {})[member.case_id] = member
        head.alerts += member.alerts
        head.value += member.value
        head.severity = severity_of(head.value, self._severity)
        head.priority = min(head.priority, member.priority)
        ranks = [_GRAVER.index(case.type) if case.type in _GRAVER else len(_GRAVER) for case in (member, head)]
        if ranks[0] >= ranks[1]:
            return False
        take_for(head, member)
        return True

    def leave(self, member: Case) -> Case:
        """A member is settled; returns what it was filed under."""
        head = self.head_of(member)
        self._members.get(head.case_id, {}).pop(member.case_id, None)
        if head.verdict != "confirmed":
            head.verdict = member.verdict
        return head

    def members(self, head: Case) -> list[Case]:
        """The open members of a family."""
        return list(self._members.get(head.case_id, {}).values())

    def disband(self, head: Case) -> list[Case]:
        """A family's case is closed; returns the members that nothing put right."""
        self._heads.pop(head.case_id, None)
        if head.subject[0] == STORM:
            self._storms.pop(head.subject[1], None)
        return list(self._members.pop(head.case_id, {}).values())

    def is_spent(self, head: Case) -> bool:
        """Whether nothing more joins a storm, and no remedy of a member is left to try; an outage waits for none."""
        if head.subject[0] != STORM:
            return True
        return not self.is_raging(head.subject[1]) and not any(member.plan for member in self.members(head))

    def _is_much(self, views: Views, interface: int, span: int, least: int) -> bool:
        """Whether the last ``span`` microseconds brought more than the rule allows, and at least so many findings.

        What was delivered is told at the ends of hours: of a span it is what came between them.
        """
        since = views.now - span
        recent = [(signals, lines) for at, signals, lines in self._came[interface] if at > since]
        found = sum(lines for _, lines in recent)
        alerts = found + sum(signals for signals, _ in recent)
        if alerts < self._rule.alerts or found < _FOUND * alerts or sum(lines > 0 for _, lines in recent) < least:
            return False
        before = next((int(lines[interface]) for at, lines in reversed(self._lines) if at <= since), 0)
        return alerts > self._rule.share * (int(views.channels.lines()[interface]) - before)


def take_for(head: Case, member: Case) -> None:
    """Let a family be taken for what one of its members is."""
    head.type, head.fault_type, head.cause = member.type, member.fault_type, member.cause
    head.confidence, head.prior, head.model_version = member.confidence, member.prior, member.model_version
