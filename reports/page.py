"""The page of a run: one HTML file that explains itself and needs nothing else.

It loads no font, script or picture from anywhere; figures are inline SVG. Whatever comes from a run
is escaped. The page is a pure function of the run folder, so that writing it twice gives the same
bytes, and the manifest is renewed with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from reports import (
    figures,
    governance_figures,
    governance_section,
    queues_section,
    realism,
    scores,
    tables,
    templates,
    timeline,
    view,
    words,
)
from reports.section import Table
from scenarios.record import replace_file

FILE_NAME = "report.html"
#: Headings of the breakdowns where the label of the scorecard needs its neighbours to be understood.
_HEADINGS: Mapping[str, str] = {
    "detection.recall_found": "Found",
    "detection.precision": "True incidents",
    "detection.false_alarms_per_location_day": "False alarms per location and day",
}
#: Locations shown in the table of false alarms.
_LOCATIONS_MAX = 10


def write(run: Path) -> Path:
    """Write ``report.html`` into a run folder.

    Args:
        run: a complete run folder.

    Returns:
        The path of the page.

    Raises:
        RunFolderError: if ``run`` is no run folder, or is damaged.
    """
    replace_file(run, FILE_NAME, render(view.load(run)))
    return run / FILE_NAME


def render(run: view.View) -> str:
    """The page as text."""
    seed_labels, seeds = scores.seeds(run)
    breakdowns = [] if seeds else _breakdowns(run)
    return templates.render(
        "page.html.jinja",
        ("page.css",),
        headline=headline(run),
        kicker=_kicker(run),
        lede=lede(run),
        footer=_footer(run),
        event_hash=str(run.manifest.get("event_hash") or ""),
        arm=run.headline_arm,
        tiles=scores.tiles(run),
        groups=scores.groups(run),
        seeds=seeds,
        seed_labels=seed_labels,
        sections=_sections(run, detailed=bool(breakdowns)),
        figures={} if seeds else _figures(run),
        types=_types(run),
        listed_apart=_listed_apart(run),
        breakdowns=breakdowns,
        actions=_actions(run),
        governance=None if seeds else governance_section.section(run),
        queues=None if seeds else queues_section.section(run),
        refusals=_refusals(run),
        realism=realism.rows(run),
        realism_summary=realism.summary(run),
        assumptions=_assumptions(run),
    )


def headline(run: view.View) -> str:
    """The result in one line; where it is not applicable, what was run."""
    name = words.plain(run.scenario)
    recovered = run.value("business.recovery_of_reachable")
    share = "of what was reachable"
    if recovered is None:
        recovered, share = run.value("business.recovery"), "of the loss"
    if recovered is None and not run.seeds and run.of_arm("truth/exceptions", "unmanaged").empty:
        alarms = run.measures.get("detection.false_alarms_per_location_day")
        raised = words.count(alarms.n or 0, "false alarm") if alarms and alarms.value is not None else "no false alarm"
        return f"{name[:1].upper()}{name[1:]}: nothing went wrong, {raised}"
    if recovered is None:
        return f"{name[:1].upper()}{name[1:]}: {words.count(run.days, 'day')} of {_size(run).lower()}"
    if recovered < 0:
        return f"{name[:1].upper()}{name[1:]}: the operator added {-recovered:.0%} to the loss"
    return f"{name[:1].upper()}{name[1:]}: {recovered:.0%} {share} recovered"


def lede(run: view.View) -> list[str]:
    """What was run and what came of it, in words."""
    policy, detector = words.plain(run.text("policy", "manual")), words.plain(run.text("detector", "never"))
    who = f"the policy “{policy}” with the detector “{detector}”"
    size, days = _size(run), f"{words.count(run.days, 'day')} from {words.date(run.start)}"
    if run.seeds:
        seeds = words.count(len(run.seeds), "seed")
        return [f"{size} ran for {days}, on {seeds}, under {who}."]
    sentences = [f"{size} ran for {days}, under {who}."]
    exceptions = run.tables["truth/exceptions"]
    unmanaged = exceptions[exceptions["arm"].astype(str) == "unmanaged"]
    if unmanaged.empty and "unmanaged" in run.arms:
        sentences.append("No exception arose, so there was nothing to find: every alert is a false one.")
    elif len(unmanaged):
        kinds = words.count(unmanaged["type"].nunique(), "type")
        sentence = f"With the manual process alone, {words.count(len(unmanaged), 'exception')} of {kinds} arose"
        if "managed" in run.arms:
            managed = run.of_arm("truth/exceptions", "managed")
            restored = managed["restored_at"].count()
            sentence += f"; with the operator at work {len(managed):,}, of which {restored:,} were restored by the end"
        sentences.append(sentence + ".")
    sentences.extend(_detection_sentence(run))
    return [sentences[0], " ".join(sentences[1:])] if len(sentences) > 1 else sentences


def _detection_sentence(run: view.View) -> list[str]:
    recall, hours, manual = (
        run.value(name) for name in ("detection.recall", "detection.mttd_hours", "manual.mttd_hours")
    )
    if recall is None or hours is None:
        return []
    took = words.duration(hours, full=True)
    against = f"; the manual process took {words.duration(manual, full=True)}" if manual is not None else ""
    return [f"On the mean over types the operator found {recall:.0%} of them in time, after {took}{against}."]


def _size(run: view.View) -> str:
    regions = int(run.setting("world.regions", 1))
    stores = words.count(int(run.setting("world.stores", 0)), "store")
    items = words.count(int(run.setting("world.items", 0)), "item")
    return "A chain of " + (f"{words.count(regions, 'region')}, " if regions > 1 else "") + f"{stores} and {items}"


def _kicker(run: view.View) -> str:
    seed = run.manifest.get("seed", run.setting("seed", ""))
    return f"scenario {run.scenario}" + (f" · seed {seed}" if not run.seeds else f" · {len(run.seeds)} seeds")


def _footer(run: view.View) -> str:
    version = run.manifest.get("version", "")
    rows = run.manifest.get("rows")
    total = sum(rows.values()) if isinstance(rows, Mapping) else rows
    parts = [f"stocktwin {version}".strip()]
    if total:
        parts.append(f"{total:,} rows")
    if run.manifest.get("config_hash"):
        parts.append(f"configuration {str(run.manifest['config_hash'])[:12]}")
    return " · ".join(parts)


def _sections(run: view.View, *, detailed: bool) -> list[tuple[str, str]]:
    own = [("timeline", "Timeline"), ("arms", "Arms"), ("types", "Types"), ("actions", "Actions")]
    own += [("governance", "Governance"), ("queues", "Work queues")]
    if detailed:
        own.insert(3, ("detectors", "Detectors"))
    if run.seeds:
        own = [("seeds", "Seeds")]
    last = [("realism", "Realism"), ("assumptions", "Assumptions"), ("reading", "How to read")]
    return [*own, ("scorecard", "Scorecard"), *last]


def _figures(run: view.View) -> dict[str, Markup]:
    drawn: Mapping[str, Callable[[view.View], Figure | None]] = {
        "timeline": timeline.timeline,
        "accuracy": figures.accuracy,
        "lost_margin": figures.lost_margin,
        "decisions": governance_figures.decisions,
        "queue_ages": governance_figures.ages,
    }
    made = {name: draw(run) for name, draw in drawn.items()}
    return {name: templates.drawn(figure, name) for name, figure in made.items() if figure is not None}


def _types(run: view.View) -> Table:
    frame = tables.exceptions_by_type(run)
    arms = [arm for arm in ("unmanaged", "managed") if arm in frame]
    rows = []
    for row in frame.to_dict("records"):
        announced = "announced" if row["announced"] is True else "inferred" if row["announced"] is False else ""
        rows.append(
            [
                words.plain(row["type"]),
                _text(row["cause"]),
                announced,
                *(f"{int(row[arm]):,}" for arm in arms),
                words.or_missing(row["recall"], "share"),
                words.or_missing(row["mttd_hours"], "hours"),
                words.or_missing(row["mttr_hours"], "hours"),
                words.or_missing(row["false_alarms"], ""),
                words.or_missing(row["loss_at_stake"], "value"),
            ]
        )
    titles = [*(arm.capitalize() for arm in arms), "Found", "To detect", "To restore", "False alarms", "At stake"]
    return Table("Exceptions by type", ["Type", "Root cause", "", *titles], rows, frozenset({1, 2}))


def _actions(run: view.View) -> Table:
    frame = tables.actions_by_kind(run)
    outcomes = [name for name in frame.columns if name not in tables.ACTION_COLUMNS]
    rows = [
        [
            words.plain(str(row["kind"])),
            *(f"{int(row[name]):,}" for name in outcomes),
            f"{int(row['total']):,}",
            words.or_missing(row["hours_to_execution"], "hours") if row["hours_to_execution"] else "at once",
            words.or_missing(row["minutes"], "minutes") if row["minutes"] else "none",
            words.or_missing(row["units"], ""),
        ]
        for row in frame.to_dict("records")
    ]
    titles = ["Action", *(words.plain(str(name)).capitalize() for name in outcomes)]
    return Table("Actions", [*titles, "In all", "Until carried out", "Work", "Units changed"], rows)


def _breakdowns(run: view.View) -> list[Table]:
    """Who finds what, what fools them, and where."""
    titles = {
        "detector": ("Detectors, each alone", "Detector"),
        "decoy": ("What fooled them", "Decoy"),
        "location": (f"Most false alarms, the first {_LOCATIONS_MAX} locations", "Location"),
    }
    found = []
    for by, (title, first) in titles.items():
        frame = tables.broken_down(run, by).head(_LOCATIONS_MAX if by == "location" else 100)
        names = [str(name) for name in frame.columns if name != "key"]
        units = {name: run.measures[name].unit if name in run.measures else "" for name in names}
        rows = [
            [
                words.plain(str(row["key"])) if by != "location" else str(row["key"]),
                *(words.or_missing(row[name], units[name]) for name in names),
            ]
            for row in frame.to_dict("records")
        ]
        if rows:
            labels = [_HEADINGS.get(name, words.label(name)[0]) for name in names]
            if by == "location":
                labels = ["False alarms a day"]
            found.append(Table(title, [first, *labels], rows))
    return found


def _listed_apart(run: view.View) -> str:
    """How many exceptions are outside the recall, and why."""
    frame = tables.broken_down(run, "reason")
    if "detection.apart" not in frame:
        return ""
    parts = [f"{int(row['detection.apart']):,} {words.plain(str(row['key']))}" for row in frame.to_dict("records")]
    return ", ".join(parts)


def _refusals(run: view.View) -> Table:
    rows = [[str(reason), f"{int(number):,}"] for reason, number in tables.refusals(run).itertuples(index=False)]
    return Table("Why actions were refused", ["Reason", "Actions"], rows)


def _assumptions(run: view.View) -> Table:
    frame = tables.assumptions(run)
    rows = [[row["meaning"], row["key"], row["value"], row["low"], row["high"]] for row in frame.to_dict("records")]
    return Table("Declared assumptions", ["Assumption", "Key", "Value", "Low", "High"], rows, frozenset({1}))


def _text(value: object) -> str:
    return "" if pd.isna(value) else str(value)  # type: ignore[call-overload, unused-ignore]
