"""What a priority is: one method from a case to its place in the queue."""

from __future__ import annotations

from typing import Protocol

from detection.cases import Case
from detection.spec import OperatorSpec
from detection.views.state import Views


class Priority(Protocol):
    """Anything that orders cases; lower is sooner."""

    def __init__(self, spec: OperatorSpec) -> None: ...

    def rank(self, case: Case, views: Views) -> int:
        """The place of a case, lower is sooner."""
        ...
