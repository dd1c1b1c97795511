"""``stocktwin list``: what there is to choose from."""

from __future__ import annotations

HELP = """\
usage: stocktwin list [scenarios|faults|detectors|policies|suites|measures] [--json]

Prints what there is; without a topic, all of it. With --json, a list of objects with "name".
"""


def main(words: list[str]) -> int:
    """Print one topic, or all of them."""
    from scenarios.listing import listing

    print(listing(words))
    return 0
