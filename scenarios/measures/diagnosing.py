"""What each case was taken for, and when: the diagnosis that is scored is the one that something rested on.

A diagnosis may change while a case is open. A case is judged by the one in force at its first repair or,
if none was asked for by then, at the last moment at which an alert on its exception still counted: knowing
better when the exception is over, or after the wrong thing was repaired, helps nobody. A case that had none
in force at that moment was taken for nothing, which is the answer ``unknown``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from scenarios.match import FOREVER, window_end
from scenarios.measures.detecting import Detection, diagnoses
from scenarios.measures.repair import repairs_of
from scenarios.measures.run import Run, is_null

UNKNOWN: Final = "unknown"
_LABELS: Final = ("type", "fault_type", "cause")


def diagnosed(run: Run, detection: Detection, arm: str) -> pd.DataFrame:
    """Cases with what they are about: ``*_said`` beside ``*_true`` for type, fault type and cause.

    Their ``confidence`` is that of the diagnosis in force; NaN where none was, or none was stated.
    """
    best = detection.case_pairs[detection.case_pairs["best"]]
    number, about = (best[name].to_numpy(np.int64) for name in ("case", "exception"))
    cases = detection.cases.iloc[number].reset_index(drop=True)
    truth = detection.exceptions.iloc[about].reset_index(drop=True)
    moment = np.minimum(window_end(truth, run.rules), first_repairs(run, arm, cases))
    said = in_force(diagnoses(run, arm, cases), moment)
    true = {f"{name}_true": truth[name].to_numpy(dtype=object) for name in _LABELS}
    answers = {f"{name}_said": said[name].fillna("").replace("", UNKNOWN).to_numpy(dtype=object) for name in _LABELS}
    return cases.assign(confidence=said["confidence"].to_numpy(dtype=float), **true, **answers)


def in_force(told: pd.DataFrame, moment: npt.NDArray[np.int64]) -> pd.DataFrame:
    """The last diagnosis of each case up to its moment; missing where it had none yet.

    Args:
        told: as of :func:`~scenarios.measures.detecting.diagnoses`.
        moment: of each case, microseconds.
    """
    known = told[told["at"].to_numpy() <= moment[told["case"].to_numpy(np.int64)]]
    last = known.sort_values(["case", "at"], kind="stable").drop_duplicates("case", keep="last")
    said: pd.DataFrame = last.set_index("case").reindex(np.arange(len(moment)))
    return said


def first_repairs(run: Run, arm: str, cases: pd.DataFrame) -> npt.NDArray[np.int64]:
    """When the first repair of each case that was carried out was asked for; forever where there was none."""
    repairs = repairs_of(run, arm)
    repairs = repairs[~is_null(repairs["requested_at"])]
    earliest = repairs.groupby(["region", "case_id"], as_index=False)["requested_at"].min()
    first = cases[["region", "case_id"]].merge(earliest, on=["region", "case_id"], how="left")["requested_at"]
    at: npt.NDArray[np.int64] = first.fillna(FOREVER).to_numpy(np.int64)
    return at
