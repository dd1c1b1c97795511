"""The chance line: what the same alerts would find had they come at other times.

It keeps how many alerts there are, on which subjects, of which types, and their rhythm; only their place in time is
lost. So neither many alerts nor regular ones are told from chance. Of what comes and goes, documents, it knows too
little: they exist for days, and an alert turned to another week is on something that is not there.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scenarios.match import foretold, window_end
from scenarios.measures.detecting import Detection
from scenarios.measures.run import Run


def chance_of(run: Run, detection: Detection) -> npt.NDArray[np.float64]:
    """The chance with which each exception would be found had all alerts come at another time.

    All incidents are turned by one random amount around the run, as on a clock (a circular shift), which keeps how
    many there are, about what, and their rhythm. The chance that one of those on the exception's subject is then
    admissible is the share of the run that their reach covers, here taken exactly, without drawing: an incident
    reaches back by the exception's window and ahead as far as it foretells. Alerts at random times reach
    1 - exp(-rate x window) of it; an alert every window hours reaches all of it.

    Returns:
        By exception, in the order of ``detection.exceptions``.
    """
    begin, end = run.horizon
    exceptions, incidents, subjects = detection.exceptions, detection.incidents, detection.subjects
    ends = np.minimum(window_end(exceptions, run.rules), end)
    width = np.maximum(ends - exceptions["opened_at"].to_numpy(), 0)
    mine, other = (subjects[name].to_numpy(np.int64) for name in ("incident", "exception"))
    agree = incidents["type"].to_numpy()[mine] == exceptions["type"].to_numpy()[other]
    ahead = np.where(agree, foretold(incidents, run.rules)[mine], 0)
    raised = incidents["raised_at"].to_numpy(np.int64)[mine] - begin
    return covered(raised - width[other], raised + ahead, other, len(exceptions), end - begin)


def covered(
    starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], owner: npt.NDArray[np.int64], owners: int, around: int
) -> npt.NDArray[np.float64]:
    """The share of a circle that each owner's arcs cover together.

    Args:
        starts: of each arc, on a line that is wound around the circle; shape (arcs,).
        ends: of each, at or after its start.
        owner: whose it is, 0 to ``owners`` - 1.
        owners: how many there are.
        around: length of the circle.

    Returns:
        Shares, of shape (owners,).
    """
    ends = np.minimum(ends, starts + around)
    turns = np.floor_divide(starts, around) * around
    # Of an arc that goes over the end of the circle the rest lies at its beginning.
    starts, ends = starts - turns, ends - turns
    starts, ends = np.append(starts, np.zeros_like(starts)), np.append(np.minimum(ends, around), ends - around)
    owner = np.append(owner, owner)[ends > 0]
    starts, ends = starts[ends > 0], ends[ends > 0]
    order = np.lexsort((starts, owner))
    owner, starts, ends = owner[order], starts[order], ends[order]
    # A place of its own for each owner lets one pass over all of them tell how far the arcs before it came.
    _, place = np.unique(owner, return_inverse=True)
    shift = place.astype(np.int64) * around
    before = np.maximum.accumulate(np.append(0, ends + shift)[:-1]) if len(ends) else ends
    new = np.maximum(ends + shift - np.maximum(starts + shift, before), 0)
    shares: npt.NDArray[np.float64] = np.bincount(owner, weights=new, minlength=owners) / around
    return shares
