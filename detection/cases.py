"""Cases: what people and policies work on, and the only way their status may change.

A case collects the alerts of one subject. Its life is :data:`TRANSITIONS`: status, what happens,
next status; anything else is a programming error and raises. A case may be a *member* of a family: it is
worked like any other, and on record under the family's case (:mod:`detection.storms`).
"""

from __future__ import annotations

from dataclasses import dataclass

from detection.taxonomy import UNKNOWN, Finding, Subject
from sim.events import NULL

#: status -> event -> next status.
TRANSITIONS: dict[str, dict[str, str]] = {
    "new": {"classified": "triaged"},
    "triaged": {"requested": "acting", "deferred": "waiting", "settled": "closed", "expired": "escalated"},
    "waiting": {"resumed": "triaged", "settled": "closed", "expired": "escalated"},
    "acting": {
        "done": "verifying", "refused": "triaged", "prepared": "triaged", "settled": "closed", "expired": "escalated",
    },
    "verifying": {"settled": "closed", "failed": "triaged", "expired": "escalated"},
    # What people told when they looked is worked on, however late they told it.
    "escalated": {"settled": "closed", "prepared": "triaged"},
    "closed": {},
}  # fmt: skip


class TransitionError(RuntimeError):
    """A case was told something that cannot happen in its status."""


@dataclass(slots=True)
class Case:
    """One piece of work.

    Attributes:
        case_id: opaque id.
        subject: the one thing it is about.
        finding: the first claim, which holds the target of its remedies.
        opened_at, closed_at: simulated time.
        status: a key of :data:`TRANSITIONS`.
        type, fault_type, cause, confidence, model_version: the diagnosis.
        claimed, prior: the fault that the classifier named at first, and its own confidence in that, uncalibrated.
        believed: how probable it then held each fault, in an order of its own; empty where it does not say.
        priority: lower is sooner.
        value: what is at stake, currency.
        severity: tier of that value.
        team: who answers for what is behind it, and gets it first.
        alerts: ids of the alerts merged into it.
        plan: remaining remedies, first next.
        actions: ids of all its actions.
        done_at: when the latest action was answered with done.
        deadline: for a prediction, when the rule will break.
        life_mark: the store's line count when a silent cell's case was opened.
        found_units: signed units by which a count differed.
        searched_units: units that a search found in the wrong place; null before anybody searched.
        step_kind: the step under way.
        wake_at: when it is looked at again.
        is_held: whether it keeps its cell out of online availability.
        routed_to: the team that its latest step was sent to; empty where a machine took it.
        counters: teams that counted for it; they approve nothing of it.
        verdict: "confirmed" or "refuted" once its outcome says so of the type.
        fault_verdict: the same of the fault that was claimed at first.
        has_gone_up: whether it was handed up once.
        family: id of the case that it is filed under, a storm's under its own; null where it is of no family.
    """

    case_id: int
    subject: Subject
    finding: Finding
    opened_at: int
    status: str = "new"
    closed_at: int = NULL
    type: str = ""
    fault_type: str = UNKNOWN
    cause: str = UNKNOWN
    confidence: float = 0.0
    claimed: str = ""
    prior: float = 0.0
    believed: tuple[float, ...] = ()
    model_version: str = ""
    priority: int = 100
    value: float = 0.0
    severity: str = "low"
    team: str = ""
    alerts: tuple[int, ...] = ()
    plan: tuple[str, ...] = ()
    actions: tuple[int, ...] = ()
    done_at: int = NULL
    deadline: int = NULL
    wake_at: int = NULL
    life_mark: int = 0
    found_units: int = 0
    searched_units: int = NULL
    step_kind: str = ""
    is_held: bool = False
    routed_to: str = ""
    counters: frozenset[str] = frozenset()
    verdict: str = ""
    fault_verdict: str = ""
    has_gone_up: bool = False
    family: int = NULL

    @property
    def filed_under(self) -> int:
        """The case that stands for it on record."""
        return self.case_id if self.family == NULL else self.family

    @property
    def next_step(self) -> str:
        """What it asks of people or machines now or next; empty where nothing is left to try."""
        return self.plan[0] if self.is_open and self.plan else ""

    @property
    def is_open(self) -> bool:
        """Whether anything remains to be done."""
        return self.status != "closed"

    def apply(self, event: str) -> None:
        """Move to the next status.

        Raises:
            TransitionError: ``event`` cannot happen now; the message lists what can.
        """
        following = TRANSITIONS[self.status].get(event)
        if following is None:
            valid = ", ".join(TRANSITIONS[self.status])
            raise TransitionError(f"case {self.case_id}: no {event!r} while {self.status}; valid: {valid}")
        self.status = following


class CaseBook:
    """The cases of a region, by id and by subject.

    Attributes:
        cases: every case, in the order of opening.
    """

    def __init__(self) -> None:
        self.cases: dict[int, Case] = {}
        self._open_by_subject: dict[Subject, Case] = {}
        self._by_cell: dict[tuple[int, int], list[Case]] = {}
        self._ordinals: dict[Subject, int] = {}

    def open_on(self, subject: Subject) -> Case | None:
        """The open case on a subject."""
        return self._open_by_subject.get(subject)

    def outage_on(self, interface: int) -> Case | None:
        """The open case of an outage of an interface."""
        return self._open_by_subject.get(("interface", interface, -1, 0))

    def ordinal(self, subject: Subject) -> int:
        """How many cases this subject has had."""
        return self._ordinals.get(subject, 0)

    def add(self, case: Case) -> None:
        """Enter a new case."""
        self.cases[case.case_id] = case
        self._open_by_subject[case.subject] = case
        self._ordinals[case.subject] = self.ordinal(case.subject) + 1
        if case.finding.item >= 0 and case.finding.location >= 0:
            self._by_cell.setdefault((case.finding.location, case.finding.item), []).append(case)

    def close(self, case: Case, now: int) -> None:
        """Close a case; its subject is free for another."""
        case.apply("settled")
        case.closed_at = now
        if self._open_by_subject.get(case.subject) is case:
            del self._open_by_subject[case.subject]

    def forget(self, before: int) -> list[Case]:
        """Take the cases closed before a moment out of memory; returns them, oldest first."""
        old = [case for case in self.cases.values() if not case.is_open and case.closed_at < before]
        for case in old:
            del self.cases[case.case_id]
            cell = (case.finding.location, case.finding.item)
            if cell in self._by_cell:
                self._by_cell[cell] = [other for other in self._by_cell[cell] if other is not case]
                if not self._by_cell[cell]:
                    del self._by_cell[cell]
        return old

    def related(self, location: int, item: int, since: int) -> list[Case]:
        """Cases about a cell or a message that concerns it, open or closed after ``since``; oldest first."""
        found = [
            case for case in self._by_cell.get((location, item), ()) if case.is_open or case.closed_at >= since
        ]
        if found or (location, item) in self._by_cell:
            self._by_cell[location, item] = found
        return found


def diagram() -> str:
    """The life of a case as a Mermaid state diagram, made from the table."""
    lines = ["stateDiagram-v2", "    [*] --> new"]
    for status, events in TRANSITIONS.items():
        lines.extend(f"    {status} --> {following}: {event}" for event, following in events.items())
    return "\n".join([*lines, "    closed --> [*]"])
