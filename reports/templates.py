"""Pages from templates of this package: escaping on, nothing undefined, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from matplotlib.figure import Figure

from reports import figures

_HERE = Path(__file__).parent


def render(template: str, styles: Sequence[str], script: str = "", **values: Any) -> str:
    """A page as text; the template finds ``style`` and ``script`` beside the values.

    Args:
        template: name of a file of this package.
        styles: style sheets of this package, in order.
        script: a script of this package; empty for none.
        values: whatever they hold is escaped, unless it is a ``Markup`` already.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    style = Markup("\n".join(_asset(name) for name in styles))  # noqa: S704 - files of this package
    code = Markup(_asset(script) if script else "")  # noqa: S704 - a file of this package
    return environment.get_template(template).render(style=style, script=code, **values)


def drawn(figure: Figure, name: str) -> Markup:
    """A figure for a page; the texts inside were escaped by matplotlib's own SVG writer."""
    return Markup(figures.svg(figure, name))  # noqa: S704


def _asset(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
