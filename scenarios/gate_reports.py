"""What a gate says to others: JUnit XML, a Markdown summary, and the JSON of benchmark actions.

The three hold the same checks. In JUnit a regression is a ``failure``, what could not be judged an ``error``: a
reader that only counts failures must not take it for passed. Bytes depend on the checks alone, never on the clock.
"""

from __future__ import annotations

import itertools
import json
from xml.etree import ElementTree as ET

from scenarios.gate import Check, Verdict
from scenarios.scorecard_view import value_text

_ENDED = {0: "passed", 1: "REGRESSION", 2: "could not judge"}
_MARK = {"passed": "passed", "failed": "**failed**", "not judged": "*not judged*"}


def headline(verdict: Verdict) -> str:
    """The outcome in one line."""
    counts = {status: sum(1 for check in verdict.checks if check.status == status) for status in _MARK}
    told = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    return f"gate: {_ENDED[verdict.code]} ({told or 'nothing to judge'})"


def rate_text(verdict: Verdict) -> str:
    """What the verdict's rate of false failures is."""
    if not verdict.judged:
        return "nothing was left to chance: configuration, seeds, lock file, hashes, counts and values are equal"
    return (
        f"a program that did not get worse by more than the margins fails such a call with chance {verdict.rate:g} at "
        f"most, over all {verdict.judged} measures judged"
    )


def difference_text(check: Check) -> str:
    """``difference (low to high)`` in the unit of the measure; nothing where there is none."""
    gap = check.gap
    if gap is None or gap.difference is None:
        return ""
    text = signed(gap.difference, check.unit)
    if gap.low is None or gap.high is None:
        return text
    low, high = (signed(end, check.unit).split(" ", maxsplit=1)[0] for end in (gap.low, gap.high))
    return f"{text} ({low} to {high})"


def signed(value: float, unit: str) -> str:
    """A difference with its sign."""
    text = value_text(value, unit)
    return text if text.startswith("-") else f"+{text}"


def junit(verdict: Verdict) -> str:
    """JUnit XML: a suite a cell, a case a check."""
    root = ET.Element("testsuites", name="stocktwin gate")
    for cell, group in itertools.groupby(verdict.checks, key=lambda check: check.cell):
        checks = list(group)
        suite = ET.SubElement(
            root, "testsuite", name=cell, tests=str(len(checks)), skipped="0",
            failures=str(sum(check.status == "failed" for check in checks)),
            errors=str(sum(check.status == "not judged" for check in checks)),
        )
        for check in checks:
            case = ET.SubElement(suite, "testcase", classname=f"stocktwin.gate.{cell}", name=check.name)
            detail = "\n".join(text for text in (check.told, difference_text(check)) if text)
            if check.status != "passed":
                kind = "failure" if check.status == "failed" else "error"
                ET.SubElement(case, kind, message=check.told, type=check.status.replace(" ", "_")).text = detail
            else:
                ET.SubElement(case, "system-out").text = detail
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def summary(verdict: Verdict) -> str:
    """Markdown: the outcome, a table of the checks, and what differs from the baseline."""
    heads = "| cell | check | baseline | run | difference (interval) | margin | verdict |"
    lines = [f"## {headline(verdict)}", "", heads, "|---|---|---|---|---|---|---|"]
    for check in verdict.checks:
        margin = "" if check.gap is None else value_text(check.gap.margin, check.unit)
        cells = (
            check.cell, check.name, _text(check.baseline, check.unit), _text(check.value, check.unit),
            difference_text(check), margin, f"{_MARK[check.status]}: {check.told}",
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    lines += ["", f"{rate_text(verdict)[0].upper()}{rate_text(verdict)[1:]}."]
    if verdict.notes:
        lines += ["", "Differs from the baseline:", "", *(f"- `{note}`" for note in verdict.notes)]
    return "\n".join(lines) + "\n"


def metrics(verdict: Verdict) -> str:
    """``[{name, unit, value}]``: every gated measure that the run has a value for."""
    entries = [
        {"name": f"{check.cell}: {check.name}", "unit": check.unit, "value": check.value}
        for check in verdict.checks
        if check.value is not None
    ]
    return json.dumps(entries, indent=1, allow_nan=False) + "\n"


def as_json(verdict: Verdict) -> str:
    """The whole verdict as JSON."""
    checks = [
        {
            "cell": check.cell, "name": check.name, "status": check.status, "told": check.told, "unit": check.unit,
            "baseline": check.baseline, "value": check.value, "by": check.by,
            "difference": check.gap.difference if check.gap else None, "low": check.gap.low if check.gap else None,
            "high": check.gap.high if check.gap else None, "margin": check.gap.margin if check.gap else None,
            "level": check.gap.level if check.gap else None, "n": check.gap.n if check.gap else None,
        }
        for check in verdict.checks
    ]
    content = {"code": verdict.code, "rate": verdict.rate, "judged": verdict.judged, "notes": list(verdict.notes),
               "checks": checks}
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _text(value: float | None, unit: str) -> str:
    return "" if value is None else value_text(value, unit)
