"""The scorecard in the terminal shows every measure, aligned, and NA with its reason."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from scenarios.scorecard_view import interval_text, show, value_text

MEASURES = {
    "business.recovery": {"value": 0.4123, "unit": "ratio", "low": 0.31, "high": 0.52, "n": 10},
    "business.recovery_oracle": {"value": None, "unit": "ratio", "n": 0, "reason": "no oracle arm"},
    "business.clean.stock_accuracy": {"value": 1.0, "unit": "share", "low": None, "high": None, "n": 10_500},
    "business.unmanaged.stock_accuracy": {"value": 0.62, "unit": "share", "low": None, "high": None, "n": 10_500},
    "detection.recall": {"value": 0.5, "unit": "share", "low": 0.4, "high": 0.6, "n": 812},
    "detection.loop.recall": {"value": 0.45, "unit": "share", "low": None, "high": None, "n": 700},
    "detection.auc_pr": {"value": None, "unit": "score", "low": None, "high": None, "n": 0, "reason": "no scores"},
    "repair.mttr_hours": {"value": 31.27, "unit": "hours", "low": 28.0, "high": 35.1, "n": 640},
    "novel.measure": {"value": 12_345.6, "unit": "value", "low": None, "high": None, "n": None},
}
EXPECTED = """\
Business                                 value        95% interval       n
recovery                                 0.412      0.310 to 0.520      10
recovery oracle                             NA                           0  no oracle arm

Arms                                     clean     unmanaged
stock accuracy                         100.0 %        62.0 %

Detection                               shadow      95% interval   in the loop      95% interval
recall                                  50.0 %      40.0 to 60.0        45.0 %
auc pr                                      NA

Repair                                   value        95% interval       n
mttr                                    31.3 h        28.0 to 35.1     640

Further                                  value        95% interval       n
novel.measure                           12,346

NA (no scores): detection.auc_pr
"""


def test_the_scorecard_as_printed(tmp_path: Path) -> None:
    (tmp_path / "scorecard.json").write_text(json.dumps({"schema": 1, "measures": MEASURES}))
    text = io.StringIO()
    show(tmp_path, Console(file=text, width=120, highlight=False))
    shown = "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"
    assert shown == EXPECTED


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "share", "NA"),
        (0.9999, "share", "100.0 %"),
        (1234.5, "minutes", "1,234 min"),
        (-0.25, "ratio", "-0.250"),
        (0.01234, "alarms/location-day", "0.01234"),
    ],
)
def test_values_are_read_by_their_unit(value: float | None, unit: str, text: str) -> None:
    assert value_text(value, unit) == text


def test_an_open_bound_is_shown_open() -> None:
    assert interval_text({"low": None, "high": 3.0, "unit": "hours"}) == "... to 3.0"
