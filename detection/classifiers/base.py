"""What a classifier is: one method from the evidence on a case to a diagnosis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from detection.cases import Case
from detection.spec import OperatorSpec
from detection.taxonomy import CAUSE_OF_FAULT, UNKNOWN
from detection.views.state import Views


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a case is said to be.

    Attributes:
        type: exception type.
        fault_type: mechanism behind it, ``unknown`` where the evidence does not tell.
        confidence: probability that type and fault are right.
        evident_cause: root cause, where the evidence tells more than the fault type does; else empty.
        believed: how probable each fault is by the evidence, in the classifier's order; empty where it does not say.
    """

    type: str
    fault_type: str = UNKNOWN
    confidence: float = 0.0
    evident_cause: str = ""
    believed: tuple[float, ...] = ()

    @property
    def cause(self) -> str:
        """Root cause of the fault."""
        return self.evident_cause or CAUSE_OF_FAULT.get(self.fault_type, UNKNOWN)


class Classifier(Protocol):
    """Anything that names what a case is."""

    #: Which version of the model decided, for the audit trail.
    version: str

    def __init__(self, spec: OperatorSpec) -> None: ...

    def classify(self, case: Case, related: Sequence[Case], views: Views) -> Diagnosis:
        """A diagnosis of a case, given cases that touch the same cell."""
        ...

    def learn(self, case: Case) -> None:
        """Take in a closed case with a verdict."""
        ...
