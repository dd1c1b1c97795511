"""The section "Work queues" of the page, in words: what each team had before it, how old it got, and what it took."""

from __future__ import annotations

from reports import queues, words
from reports.section import Section, Table
from reports.view import View

#: Cases shown of each team's queue.
_HEADS = 2


def section(view: View) -> Section:
    """The section for one run; a sentence alone where nobody had anything to do."""
    cases = queues.cases_of(view)
    if view.headline_arm != "managed":
        return Section([], [], [f"Not applicable: in the {view.headline_arm} arm no case of an operator is worked on."])
    if cases.empty:
        return Section([], [], ["Not applicable: the operator opened no case."])
    left = int(cases["is_open"].sum())
    went_up = int(cases["went_up"].sum())
    sentence = (
        f"The operator opened {words.count(len(cases), 'case')}: {_of_them(left)} open at the end, and "
        f"{_of_them(went_up)} handed up a level, since time ran out, nothing was left to try, or the loss was grave."
    )
    tables = [_cases(view), _work(view), _heads(view)]
    missing = [] if left else ["No queue has a head at the end: every case was closed."]
    return Section([sentence], tables, missing)


def _cases(view: View) -> Table:
    rows = [
        [
            _team(row["team"]), f"{row['cases']:,}", words.number(row["waiting"]), f"{row['open']:,}",
            *(words.or_missing(row[name], "hours") for name in ("median_hours", "p90_hours", "oldest_hours")),
            str(row["oldest_case"]) if row["open"] else words.MISSING, f"{row['went_up']:,}",
        ]
        for row in queues.cases_by_team(view).to_dict("records")
    ]  # fmt: skip
    return Table(
        "Cases by team",
        ["Team", "Cases", "Open, mean over time", "Open at the end", "Median age", "90% closed within", "Oldest open",
         "Case", "Went up"],
        rows,
        caption="Number of cases by the team that answers for what is behind them. A case ages from its opening to its "
        "closing; one that is open counts at its age at the end. – stands where none is open. stocktwin audit RUN CASE "
        "tells a case from its first row to its last decision.",
    )  # fmt: skip


def _work(view: View) -> Table:
    rows = [
        [
            _team(row["team"]), *(f"{row[name]:,}" for name in ("steps", "done", "refused", "waiting")),
            *(words.or_missing(row[name], "hours") for name in ("median_hours", "p90_hours")),
            *(words.or_missing(row[name], "minutes") for name in ("step_minutes", "minutes")),
            words.or_missing(row["utilisation"], "share"),
        ]
        for row in queues.work_by_team(view).to_dict("records")
    ]  # fmt: skip
    return Table(
        "Work by team",
        ["Team", "Steps", "Done", "Refused", "Waiting at the end", "Median until done", "90% done within",
         "Work on steps", "Work in all", "Utilisation"],
        rows,
        caption="Number of steps that the policy sent to each team, and how long each took from the request until it "
        "was carried out; what waits counts at its age at the end. Refused: it could not be done, mostly since nothing "
        "was wrong any more. Work on steps has the minutes of whoever approved them in it; work in all is the team's "
        "own, with what it does without an operator (the manual process, counts, approvals), and utilisation is its "
        "share of the team's time on shift.",
    )  # fmt: skip


def _heads(view: View) -> Table:
    rows = []
    for row in queues.heads_of_queues(view, _HEADS).to_dict("records"):
        where = words.SPACE.join(str(row[name]) for name in ("location", "item") if row[name]) or "no one place"
        step = _LEFT[row["status"]]
        if row["step"]:
            step = f"{words.plain(row['step'])}, waits for {_waits_for(row['waits_for'])}"
        rows.append(
            [
                _team(row["team"]), str(row["case_id"]), words.plain(row["type"]), where, row["severity"],
                words.duration(row["hours"]), words.count(row["evidence"], "row"), step,
            ]
        )  # fmt: skip
    return Table(
        "At the head of each queue",
        ["Team", "Case", "Type", "Where", "Severity", "Age", "Evidence", "Next step"],
        rows, frozenset({2, 3, 4, 7}),
        f"The {_HEADS} most urgent cases of each team that were open at the end. Evidence counts the rows of the "
        "stream that its alerts cite: an absence has none. The next step is the one under way, and who it waits for.",
    )  # fmt: skip


#: Status of a case without a step under way -> what comes next.
_LEFT = {
    "new": "diagnosis",
    "triaged": "a decision",
    "waiting": "looked at again when its time has come",
    "acting": "an answer",
    "verifying": "seen whether the repair holds",
    "escalated": "the level above has it",
}


def _of_them(number: int) -> str:
    return "none was" if number == 0 else "one was" if number == 1 else f"{number:,} were"


def _waits_for(who: str) -> str:
    return words.plain(who) if who else "the system"


def _team(name: str) -> str:
    return words.plain(name) if name else "no team"
