"""The page of a leaderboard: one HTML file beside ``leaderboard.csv``, made of nothing but that table.

Entrants are ranked; what knows nothing (the baselines) stands apart below them and the oracle above, so that no
number is read without what chance, a one-liner and perfect knowledge would have reached. The page loads
nothing from anywhere, whatever the table holds is escaped, and the same table gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from reports import templates, words
from reports.dots import dots
from reports.standings import HEADS, appendix, board, by_type, statuses, type_entrants
from scenarios.measures.leaderboard import COLUMNS, KEYS, OVERALL, SCENARIO, TEST

TABLE_NAME, FILE_NAME = "leaderboard.csv", "leaderboard.html"


def write(out: Path) -> Path:
    """Write ``leaderboard.html`` beside the ``leaderboard.csv`` in ``out``.

    Returns:
        The path of the page.

    Raises:
        FileNotFoundError: if there is no table.
    """
    path = out / FILE_NAME
    page = render(read(out / TABLE_NAME), out.resolve().name)
    staged = path.with_name(f".{FILE_NAME}.staging")
    staged.write_text(page, encoding="utf-8")
    staged.replace(path)
    return path


def read(path: Path) -> pd.DataFrame:
    """A leaderboard as it was written; absent words are empty, absent numbers NaN."""
    texts = [name for name in (*KEYS, "verdict") if name not in {"rank", "trials", "failed"}]
    table = pd.read_csv(path, dtype=dict.fromkeys(texts, "str"))
    return table.assign(**{name: table[name].fillna("") for name in texts})


def render(table: pd.DataFrame, suite: str) -> str:
    """The page as text."""
    mode = next(mode for mode, columns in COLUMNS.items() if set(columns) <= set(table))
    ranking = next(iter(COLUMNS[mode]))
    test = table[table["split"] == TEST]
    overall = test[test["by"] == OVERALL]
    scenarios = [board(rows, str(key), mode) for key, rows in test[test["by"] == SCENARIO].groupby("key", sort=True)]
    others = [
        board(rows, f"The split “{split}”", mode)
        for split, rows in table[(table["split"] != TEST) & (table["by"] == OVERALL)].groupby("split", sort=False)
    ]
    beside = appendix(overall)
    figure, types = dots(overall, ranking, HEADS[ranking].label), by_type(test)
    return templates.render(
        "leaderboard.html.jinja",
        ("page.css", "leaderboard.css"),
        "leaderboard.js",
        headline=headline(overall, ranking),
        kicker=f"leaderboard · suite {suite}",
        lede=_lede(table, overall),
        sections=_sections(
            scenarios=bool(scenarios), types=bool(types), others=bool(others), appendix=bool(beside[1])
        ),
        entrant_label="Detector" if mode == "shadow" else "Entrant",
        overall=board(overall, "Overall", mode) if len(overall) else None,
        figure=templates.drawn(figure, "dots") if figure is not None else "",
        ranking=HEADS[ranking],
        scenarios=scenarios,
        types=types,
        type_entrants=type_entrants(test),
        statuses=statuses(table),
        others=others,
        appendix=beside,
        mode=mode,
        footer="Every number stands in leaderboard.csv beside this page.",
    )


def headline(overall: pd.DataFrame, ranking: str) -> str:
    """Who leads and how far, in one line."""
    ranked = overall[overall["rank"].notna()]
    if ranked.empty:
        return "Nothing is ranked: no entrant has a value on the test seeds"
    best = ranked.iloc[0]
    value = float(best[ranking])
    reached = {
        "skill": f"{value:.0%} of the way from chance to certainty",
        "recovery_of_reachable": f"{value:.0%} of what is reachable recovered",
    }[ranking]
    close = int(ranked["verdict"].eq("not told apart").sum())
    also = f", not told apart from {words.count(close, 'other')}" if close else ""
    return f"{best['entrant']} leads{also}: {reached}"


def _lede(table: pd.DataFrame, overall: pd.DataFrame) -> list[str]:
    """What was run, and what may be concluded of it."""
    whole = table[table["by"] == OVERALL]
    scenarios = max(1, table.loc[table["by"] == SCENARIO, "key"].nunique())
    trials, failed = int(whole["trials"].sum()), int(whole["failed"].sum())
    ran = (
        f"{words.count(len(whole['entrant'].unique()), 'entrant')} on {words.count(scenarios, 'scenario')}: "
        f"{trials:,} trials, of which {words.count(failed, 'trial') if failed else 'none'} failed."
    )
    undecided = overall["verdict"].str.endswith("pairs").any()
    claim = "There are too few seeds for a claim about who is better: ranks and differences are a description."
    return [ran[:1].upper() + ran[1:], *([claim] if undecided else [])]


def _sections(*, scenarios: bool, types: bool, others: bool, appendix: bool) -> list[tuple[str, str]]:
    optional = [("scenarios", "By scenario", scenarios), ("types", "By type", types)]
    told = [("overall", "Overall"), *((anchor, title) for anchor, title, shown in optional if shown)]
    last = [("splits", "Other splits")] if others else []
    last += [("appendix", "Appendix")] if appendix else []
    return [*told, ("statuses", "Statuses"), *last, ("reading", "How to read")]
