"""The integration team's work: the night's files, the mappings of interfaces, and what people do when they fail.

Here the parts of the middleware that can fail meet those who mend them: each remedy is one method, for an
operator's action and for the manual process alike. Noticing takes people hours for what stands in a
report, and days for what only looks odd.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import simpy

from sim.actions import Action
from sim.clock import DAY, HOUR
from sim.draws import Purpose, keyed_int, uniform_int
from sim.flows.manual import Manual
from sim.flows.mending import Mending, Outcome
from sim.middleware.batch import JOB_AT, Job
from sim.region import Region

#: Hours after a file's totals failed to agree in which someone reads the report and has it run again. Assumption.
_REPORT_HOURS = (6, 40)


class Integrating:
    """Batch jobs of a region, and their repair."""

    def __init__(self, region: Region, mending: Mending, manual: Manual) -> None:
        self._region, self._manual = region, manual
        region.batch.failure_listeners.append(self._file_failed)
        mending.remedies["rerun"] = self.rerun

    def nights(self) -> Generator[simpy.Event, Any, None]:
        """Every night the files of the day before are sent."""
        room = self._region.room
        yield room.env.timeout(JOB_AT)
        while True:
            self._region.batch.run_jobs()
            yield room.env.timeout(DAY)

    def rerun(self, action: Action) -> Outcome:
        """Run a batch job again."""
        return self._region.batch.rerun(int(action.location), int(action.document_id), action.action_id)

    def _file_failed(self, job: Job) -> None:
        """Someone reads the morning's report."""
        bits = keyed_int(self._region.room.seed, Purpose.BATCH, self._region.room.region, 2, job.key)
        low, high = _REPORT_HOURS
        after = round((low + uniform_int(bits) * (high - low)) * HOUR)
        self._region.room.at(self._region.room.now + after, lambda: self._find(job))

    def _find(self, job: Job) -> None:
        if job.rest is not None:
            self._manual.found(
                "batch_failure", "integration", 0, lambda: self._region.batch.rerun(job.location, job.document_id, -1),
                location=job.location, document_id=job.document_id, interface=self._region.batch.interface,
            )
