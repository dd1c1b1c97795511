"""The intake: which case an alert belongs to, and what a new one starts with.

In this order: an interface in an outage keeps the alerts on its messages (they come in with its backlog, or they are
taken in anew when it is over); an alert on a subject with an open case joins it; one of an interface that storms joins
the storm's case as a member, and so does a supplier's notice that an outage keeps back; anything else opens a case.
Nothing is lost: what an outage or a storm leaves behind, and no remedy put right, is taken in anew when it is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from detection import remedies, trail
from detection.audit import AuditLog
from detection.cases import Case, CaseBook
from detection.classifiers.base import Classifier
from detection.governance import PolicyEngine
from detection.keys import key_id
from detection.policy import Policy
from detection.priorities.base import Priority
from detection.records import Recorder
from detection.spec import OperatorSpec
from detection.stakes import value_at_stake
from detection.storms import Storms, interface_of, subject_of, take_for
from detection.taxonomy import SCOPE_OF_TYPE, Finding
from detection.verification import is_delivered
from detection.views.state import Views
from sim.clock import DAY
from sim.events import NULL

#: How far back a closed case on the same cell still explains a new one.
_RELATED_DAYS = 3
Alert = tuple[int, Finding]


class Intake:
    """Takes the alerts of one region into cases.

    Attributes:
        book: the cases.
        storms: the families among them.
    """

    def __init__(
        self, spec: OperatorSpec, policy: Policy, classifier: Classifier, priority: Priority, engine: PolicyEngine,
        recorder: Recorder, audit: AuditLog, seed: int,
    ) -> None:  # fmt: skip
        self.book, self.storms = CaseBook(), Storms(spec)
        self._spec, self._policy, self._seed = spec, policy, seed
        self._classifier, self._priority, self._engine = classifier, priority, engine
        self._recorder, self._audit = recorder, audit
        #: What an outage's case explains: alerts on messages of its interface, by case.
        self._absorbed: dict[int, list[Alert]] = {}

    def take(self, views: Views, alerts: Iterable[Alert]) -> list[Case]:
        """Take in a step's alerts; returns the cases that they opened."""
        fresh = [alert for alert in alerts if not self._joins(alert)]
        self.storms.count(views, [finding for _, finding in fresh])
        opened: list[Case] = []
        for alert in fresh:
            # Of two alerts on one subject the first has opened its case by now.
            if not self._joins(alert):
                opened += self._open(views, alert)
        return opened

    def release(self, views: Views, case: Case) -> list[Case]:
        """A case is closed: what it kept and nothing put right is taken in anew; returns the cases that it opens."""
        kept = [
            (alert_id, finding) for alert_id, finding in self._absorbed.pop(case.case_id, ())
            if not is_delivered(finding, views) and self.book.open_on(finding.subject) is None
        ]  # fmt: skip
        opened = self.take(views, kept)
        for member in self.storms.disband(case):
            if member.plan:
                # An outage does not wait for it: its work goes on under a file of its own.
                member.family = NULL
                self._file(member, views.now)
            else:
                self.book.close(member, views.now)
                opened += self._open(views, (member.alerts[0], member.finding))
        return opened

    def diagnose_again(self, views: Views, case: Case, action_id: int) -> None:
        """An open case is diagnosed anew, since people searched and told what they found."""
        self._diagnose(views, case)
        self._recorder.diagnosis(case, views.now)
        trail.diagnosed(self._audit, case, views.now, action_id, case.searched_units)

    def keeper_of(self, interface: int) -> int:
        """The case that takes what is told of an interface now, its storm's or its outage's; null for none."""
        if self.storms.is_raging(interface):
            storm = self.storms.case_on(interface)
            return NULL if storm is None else storm.case_id
        outage = self.book.outage_on(interface)
        return NULL if outage is None else outage.filed_under

    def _joins(self, alert: Alert) -> bool:
        """Let an alert join the open case that it belongs to; whether there is one."""
        alert_id, finding = alert
        known = None
        if SCOPE_OF_TYPE[finding.type] == "message" and finding.type != "duplicate_message":
            known = self.book.outage_on(finding.interface)
            if known is not None:
                self._absorbed.setdefault(known.case_id, []).append(alert)
        known = known or self.book.open_on(finding.subject)
        if known is None and finding.type == "short_pick":
            # The cell is being looked into: one more line that was not found there is no news.
            known = self.book.open_on(("cell", finding.location, finding.item, 0))
        if known is None:
            return False
        for case in {known.case_id: known, known.filed_under: self.storms.head_of(known)}.values():
            case.alerts += (alert_id,)
        return True

    def _open(self, views: Views, alert: Alert) -> list[Case]:
        """A case of its own, or one under the case of a family; returns what was opened."""
        case = self._new(views, alert)
        interface = interface_of(case.finding)
        if self.storms.is_raging(interface):
            head = self.storms.case_on(interface)
            return [case, self._head(case, interface)] if head is None else [self._join(head, case)]
        outage = self.book.outage_on(interface) if case.finding.type == "late_asn" else None
        if outage is not None:
            return [self._join(self.storms.head_of(outage), case)]
        self._file(case, views.now)
        return [case]

    def _file(self, case: Case, now: int) -> None:
        self._recorder.diagnosis(case, now)
        trail.opened(self._audit, case, now)

    def _join(self, head: Case, member: Case) -> Case:
        """File a case under another."""
        is_news = self.storms.join(head, member)
        self._note(member)
        if is_news:
            self._recorder.diagnosis(head, member.opened_at)
        return member

    def _head(self, first: Case, interface: int) -> Case:
        """The case of a storm, taken for what the first of its members is."""
        subject, finding, now = subject_of(interface), first.finding, first.opened_at
        head = Case(
            key_id(self._seed, "case", *subject, self.book.ordinal(subject)), subject,
            Finding(finding.type, interface=interface, evidence=finding.evidence), now, team=first.team,
        )  # fmt: skip
        take_for(head, first)
        head.apply("classified")
        self.book.add(head)
        self.storms.begin(head)
        self.storms.join(head, first)
        self._file(head, now)
        self._note(first)
        return head

    def _note(self, member: Case) -> None:
        self._recorder.diagnosis(member, member.opened_at)
        trail.joined(self._audit, member)

    def _diagnose(self, views: Views, case: Case) -> None:
        finding, since = case.finding, views.now - _RELATED_DAYS * DAY
        related: Sequence[Case] = ()
        if case.subject[0] == "cell":
            related = self.book.related(finding.location, finding.item, since)
        self._engine.diagnosed(case, self._classifier.classify(case, related, views))

    def _new(self, views: Views, alert: Alert) -> Case:
        """A case that is diagnosed and ranked, and knows what to try."""
        (alert_id, finding), now = alert, views.now
        subject = finding.subject
        case = Case(
            key_id(self._seed, "case", *subject, self.book.ordinal(subject)), subject, finding, now, alerts=(alert_id,)
        )
        if subject[0] == "cell":
            cell = finding.location * views.cells.items + finding.item
            case.life_mark = int(views.cells.mark[cell])
            case.found_units = int(views.counts.found_units[cell])
        case.value = value_at_stake(finding, views, self._spec)
        self._diagnose(views, case)
        case.deadline = finding.deadline
        case.priority = self._priority.rank(case, views)
        policy = self._policy
        case.plan = remedies.plan_for(
            case.type, case.fault_type, infers=policy.infers, predicts=policy.predicts, source=finding.source,
            steps=finding.steps, confidence=case.confidence,
        )  # fmt: skip
        case.team = remedies.owner_of(case.type, case.fault_type, finding.location)
        case.apply("classified")
        self.book.add(case)
        return case
