"""How well exceptions are detected: recall, precision, false alarms, time to detect."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from scenarios import statistics
from scenarios.match import FOREVER, HOUR, NULL
from scenarios.measures.card import Part, Result
from scenarios.measures.chance import chance_of
from scenarios.measures.detecting import Detection
from scenarios.measures.run import DAY, Run, is_null
from scenarios.statistics import Estimate

#: Hour of the end-of-day reconciliation.
RECONCILIATION_HOUR: Final = 23
NONE_JUDGED: Final = "no exception with first evidence opened in the run and had its window inside it"
NO_INCIDENT: Final = "no incident was raised"


def measure_detection(run: Run, detection: Detection, arm: str) -> dict[str, Result]:
    """The measures under ``detection`` or ``detection.loop``, without the prefix."""
    judged = detection.judged
    hit = (judged["found"] | judged["explained"]).to_numpy()
    types = judged["type"].to_numpy(dtype=object)
    inferred = ~judged["announced"].to_numpy(dtype=bool)
    results: dict[str, Result] = {
        "recall": _recall(hit, types),
        "recall_found": _recall(judged["found"].to_numpy(), types),
        "recall_inferred": _recall(hit[inferred], types[inferred])
        if inferred.any() or not len(judged)
        else "every exception that counts was announced by a row",
        "recall_value": statistics.weighted_share(
            hit.astype(float), np.nan_to_num(judged["loss_at_stake"].to_numpy(dtype=float))
        )
        or (NONE_JUDGED if judged.empty else "no loss was at stake"),
        **_chance(run, detection),
        **_precision(detection),
        "false_alarms_per_location_day": _false_alarms(run, detection),
        **_times(judged, hit),
        "lead_time_hours": _lead(detection),
        "coincident": _coincident(run, detection, arm),
    }
    return results


def _recall(hit: npt.NDArray[Any], types: npt.NDArray[Any]) -> Result:
    return statistics.mean_share(hit.astype(float), types.astype(str)) or NONE_JUDGED


def _chance(run: Run, detection: Detection) -> dict[str, Result]:
    """What the same incidents at other times would find, and the skill beyond it."""
    judged = detection.judged
    if judged.empty:
        return {"chance_recall": NONE_JUDGED, "skill": NONE_JUDGED}
    chance = chance_of(run, detection)[judged.index.to_numpy()]
    by_type = pd.Series(chance).groupby(judged["type"].to_numpy(dtype=object)).mean()
    expected = float(by_type.mean())
    hit = (judged["found"] | judged["explained"]).to_numpy()
    recall = statistics.mean_share(hit.astype(float), judged["type"].to_numpy(dtype=str))
    results: dict[str, Result] = {"chance_recall": Estimate(expected, None, None, len(judged))}
    if recall is None:
        results["skill"] = NONE_JUDGED
    elif expected >= 1:
        # Nothing is left to find beyond chance: no skill, and no way out of the table either.
        results["skill"] = Estimate(0.0, None, None, len(judged))
    else:
        ends_of = [None if x is None else (x - expected) / (1 - expected) for x in (recall.low, recall.high)]
        results["skill"] = Estimate((recall.value - expected) / (1 - expected), ends_of[0], ends_of[1], len(judged))
    return results


def _precision(detection: Detection) -> dict[str, Result]:
    total = len(detection.incidents)
    return {
        "precision": statistics.share(int(detection.incidents["true"].sum()), total) or NO_INCIDENT,
        "precision_one_to_one": statistics.share(len(detection.matched), total) or NO_INCIDENT,
    }


def _false_alarms(run: Run, detection: Detection) -> Result:
    untrue = int((~detection.incidents["true"].astype(bool)).sum())
    return statistics.rate(untrue, run.locations * run.days) or "the run has no location or no day"


def _times(judged: pd.DataFrame, hit: npt.NDArray[Any]) -> dict[str, Result]:
    """Time to detect: restricted mean, median, regret against first evidence, before reconciliation."""
    if judged.empty:
        names = ("mttd_hours", "mttd_median_hours", "mttd_regret_hours", "before_reconciliation")
        return dict.fromkeys(names, NONE_JUDGED)
    opened = judged["opened_at"].to_numpy()
    delay = judged["delay"].to_numpy()
    evidence = np.clip(judged["first_evidence_at"].to_numpy() - opened, 0, judged["window"].to_numpy())
    reconciled = opened // DAY * DAY + RECONCILIATION_HOUR * HOUR
    reconciled += np.where(reconciled < opened, DAY, 0)
    median = statistics.median(delay / HOUR, hit)
    return {
        "mttd_hours": _not_below_zero(statistics.mean(delay / HOUR)) or NONE_JUDGED,
        "mttd_median_hours": median or "fewer than half were detected: the median is infinite",
        "mttd_regret_hours": statistics.mean((delay - evidence) / HOUR) or NONE_JUDGED,
        "before_reconciliation": statistics.share(int((hit & (opened + delay <= reconciled)).sum()), len(judged))
        or NONE_JUDGED,
    }


def _not_below_zero(estimate: Estimate | None) -> Estimate | None:
    """A mean of durations: its t interval may reach below 0, which no duration does."""
    if estimate is None or estimate.low is None:
        return estimate
    return replace(estimate, low=max(0.0, estimate.low))


def _lead(detection: Detection) -> Result:
    lead = detection.pairs["lead"].to_numpy(dtype=float)
    return statistics.mean(lead[lead > 0] / HOUR) or "no breach was predicted"


def _coincident(run: Run, detection: Detection, arm: str) -> Result:
    """The share of incidents that are right on rows that have nothing to do with it."""
    true = detection.incidents.index[detection.incidents["true"].astype(bool)]
    if not len(true):
        return NO_INCIDENT if detection.incidents.empty else "no incident was true"
    if not run.reader.event_parts(arm):
        return "the stream was not recorded, so cited rows cannot be looked up"
    rows = _cited_rows(run, detection, arm)
    if rows.empty:
        return "no true incident cites a row"
    scopes = detection.exceptions.iloc[rows["exception"].to_numpy()].reset_index(drop=True)
    within = np.zeros(len(rows), dtype=bool)
    for name in ("document_id", "parent_document_id", "correlation_id"):
        document = scopes["document_id"].to_numpy()
        within |= (document != NULL) & (rows[name].to_numpy() == document)
    fits = scopes["document_id"].to_numpy() == NULL
    for name in ("location", "item", "interface"):
        mine = scopes[name].to_numpy(dtype=object)
        fits &= (mine == "") | (rows[name].to_numpy(dtype=object) == mine)
    within |= fits
    inside = pd.Series(within).groupby(rows["incident"].to_numpy()).any()
    return statistics.share(int((~inside).sum()), len(detection.incidents)) or NO_INCIDENT


def _cited_rows(run: Run, detection: Detection, arm: str) -> pd.DataFrame:
    """(incident, exception, columns of each cited row) for the true incidents."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from scenarios.match import explode, plain

    cited = explode(detection.alerts["evidence"], "alert", "event_id")
    cited["incident"] = detection.incident_of_alert[cited["alert"].to_numpy()]
    cited = cited[["incident", "event_id"]].drop_duplicates()
    wanted = pa.array(cited["event_id"].unique())
    columns = ["event_id", "document_id", "parent_document_id", "correlation_id", "location", "item", "interface"]
    found = [
        batch.filter(pc.is_in(batch.column("event_id"), value_set=wanted))
        for batch in run.reader.events(arm, columns=columns)
    ]
    table = pa.Table.from_batches(found) if found else None
    if table is None or not table.num_rows:
        return pd.DataFrame()
    rows = cited.merge(plain(table), on="event_id")
    return rows.merge(detection.pairs[["incident", "exception"]], on="incident")


def break_down(run: Run, detection: Detection, prefix: str, arm: str) -> list[Part]:
    """Recall, times, precision and false alarms by type, location and decoy; what is listed apart, by reason."""
    parts: list[Part] = []

    def add(measure: str, by: str, key: str, estimate: Estimate | None) -> None:
        if estimate is not None:
            parts.append(Part(f"{prefix}.{measure}", by, key, estimate))

    chance = chance_of(run, detection)
    evidence = np.where(detection.judged["announced"].to_numpy(dtype=bool), "announced", "inferred")
    for by, keys in (("type", detection.judged["type"].to_numpy(dtype=object)), ("evidence", evidence)):
        for group, rows in detection.judged.groupby(keys):
            key = str(group)
            hits = int((rows["found"] | rows["explained"]).sum())
            line = chance[rows.index.to_numpy()]
            add("recall", by, key, statistics.share(hits, len(rows)))
            add("recall_found", by, key, statistics.share(int(rows["found"].sum()), len(rows)))
            add("chance_recall", by, key, Estimate(float(line.mean()), None, None, len(rows)))
            add("mttd_hours", by, key, _not_below_zero(statistics.mean(rows["delay"].to_numpy() / HOUR)))
    for reason, rows in detection.exceptions[detection.exceptions["apart"] != ""].groupby("apart"):
        add("apart", "reason", str(reason), Estimate(float(len(rows)), None, None, len(rows)))
    incidents = detection.incidents
    exposure = {"type": run.locations * run.days, "location": run.days}
    untrue = incidents[~incidents["true"].astype(bool)]
    for by, days in exposure.items():
        for named, rows in incidents.groupby(by):
            name, true = str(named) or ("unknown" if by == "type" else "none"), int(rows["true"].sum())
            add("precision", by, name, statistics.share(true, len(rows)))
            add("false_alarms_per_location_day", by, name, statistics.rate(len(rows) - true, days))
    for kind, count in _decoyed(run, untrue, arm).items():
        add("false_alarms_per_location_day", "decoy", kind, statistics.rate(count, run.locations * run.days))
    return parts


def _decoyed(run: Run, untrue: pd.DataFrame, arm: str) -> dict[str, int]:
    """Untrue incidents that fell for a decoy, by its kind."""
    decoys = run.table("truth/decoys", arm)
    on = on_decoys(untrue, decoys)
    on["kind"] = decoys["kind"].to_numpy(dtype=object)[on["decoy"].to_numpy(np.int64)]
    fooled = on.drop_duplicates(["incident", "kind"])["kind"].value_counts()
    return {str(kind): int(fooled.get(kind, 0)) for kind in sorted(decoys["kind"].unique())}


def on_decoys(incidents: pd.DataFrame, decoys: pd.DataFrame) -> pd.DataFrame:
    """(incident, decoy), row numbers: in its region, its time, and its scope as far as the decoy names one."""
    left = incidents.assign(incident=np.arange(len(incidents)))
    right = decoys.assign(decoy=np.arange(len(decoys)))
    scopes = {"location": "", "item": "", "document_id": NULL}
    named = pd.DataFrame({name: right[name] != null for name, null in scopes.items()})
    found = [pd.DataFrame({"incident": np.empty(0, np.int64), "decoy": np.empty(0, np.int64)})]
    for mask, chosen in named.groupby(list(scopes)):
        names = ["region", *(name for name, is_named in zip(scopes, mask, strict=True) if bool(is_named))]
        both = left.merge(right.loc[chosen.index, [*names, "from", "until", "decoy"]], on=names)
        until = np.where(is_null(both["until"]), FOREVER, both["until"])
        since = np.where(is_null(both["from"]), -FOREVER, both["from"])
        inside = (both["raised_at"].to_numpy() >= since) & (both["raised_at"].to_numpy() <= until)
        found.append(both.loc[inside, ["incident", "decoy"]])
    pairs: pd.DataFrame = pd.concat(found, ignore_index=True)
    return pairs


def by_detector(run: Run, detection: Detection) -> list[Part]:
    """Recall by an incident of its own, precision and false alarms of each detector alone."""
    parts: list[Part] = []
    judged = detection.judged
    for name, alerts in detection.alerts.groupby("detector"):
        rows = np.unique(detection.incident_of_alert[alerts.index.to_numpy()])
        pairs = detection.pairs[detection.pairs["incident"].isin(rows)]
        hit = judged.index.isin(pairs["exception"])
        true = int(detection.incidents["true"].to_numpy(dtype=bool)[rows].sum())
        estimates = {
            "recall_found": statistics.mean_share(hit.astype(float), judged["type"].to_numpy(dtype=str)),
            "precision": statistics.share(true, len(rows)),
            "false_alarms_per_location_day": statistics.rate(len(rows) - true, run.locations * run.days),
        }
        parts += [
            Part(f"detection.{measure}", "detector", str(name), found)
            for measure, found in estimates.items()
            if found is not None
        ]
    return parts
