"""A small chain that makes streams of its own, so that the operator is tested without the world."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import pytest

from detection.layout import Layout
from sim.clock import HOUR, MINUTE, TICK, parse_date
from sim.events import CODE, DOCUMENT_TYPE, EVENT_TYPE, INTERFACE, SOURCE, STATUS, Block, Rows, Vocabulary

START = parse_date("2026-03-02")
SERVICE = 4 * HOUR


@dataclass
class Mishaps:
    """What goes wrong in a synthetic stream, and the keys by which a test finds it again."""

    frozen: dict[tuple[int, int], int] = field(default_factory=dict)  # (location, item) -> tick from which it is
    dropped_sales: set[tuple[int, int]] = field(default_factory=set)  # (location, sequence)
    doubled_sales: set[tuple[int, int]] = field(default_factory=set)
    dropped_lines: set[tuple[int, int]] = field(default_factory=set)
    doubled_lines: set[tuple[int, int]] = field(default_factory=set)
    halved_lines: set[tuple[int, int]] = field(default_factory=set)
    lagging_days: dict[tuple[int, int], int] = field(default_factory=dict)  # (day, store) -> hours late
    late_trucks: dict[tuple[int, int], int] = field(default_factory=dict)
    outage: tuple[int, int] | None = None  # (tick from, tick until) of store_erp
    unknown_cartons: set[tuple[int, int]] = field(default_factory=set)  # (day, line)
    variances: set[tuple[int, int]] = field(default_factory=set)
    missing_asn_days: set[int] = field(default_factory=set)
    nil_picks: dict[int, tuple[int, int]] = field(default_factory=dict)  # tick -> (location, item)


class SyntheticChain:
    """Streams of a region: sales by the tick, one transfer a store and day, one receipt a day."""

    def __init__(self, stores=4, items=40, days=6, seed=1, daily_lines=0.7, mishaps=None, transfer_share=0.12):
        self.stores, self.items, self.days = stores, items, days
        self.mishaps = mishaps or Mishaps()
        self.draw = np.random.default_rng(seed)
        self.locations = stores + 1
        self.layout = Layout(
            Vocabulary(
                ("DC1", *(f"S{k + 1:04d}" for k in range(stores))),
                tuple(f"I{k + 1:05d}" for k in range(items)),
                ("V001",),
            )
        )
        popularity = self.draw.lognormal(0.0, 1.0, items)
        self.share = popularity / popularity.sum()
        self.lines_a_tick = daily_lines * items * stores / 48
        self.transfer_lines = max(1, round(transfer_share * items))
        self.erp = self.draw.integers(300, 600, self.locations * items)
        self.erp[:items] = 1_000_000
        self.extracted = self.erp.copy()
        self.sequence = {name: np.zeros(self.locations, np.int64) for name in ("pos", "store", "wms")}
        self.later = defaultdict(list)
        self.event = 1000
        self.document = 10**9

    def stream(self):
        """(now, Rows) by tick."""
        for tick in range(self.days * 96):
            blocks = self._tick(tick)
            blocks += self.later.pop(tick, [])
            yield START + (tick + 1) * TICK, Rows(tuple(blocks))

    def _block(self, name, at, size, **columns):
        at = np.full(size, at, np.int64) if np.ndim(at) == 0 else at
        ids = self.event + np.arange(size, dtype=np.int64)
        self.event += size
        return Block(
            EVENT_TYPE[name], {"event_id": ids, "occurred_at": at, "available_at": at + 20_000_000, **columns}, size
        )

    def _number(self):
        self.document += 1
        return self.document

    def _tick(self, tick):
        day, slot = divmod(tick, 96)
        at = START + tick * TICK + 5 * MINUTE
        blocks = []
        if tick == 0:
            blocks += self._open(at)
        if 36 <= slot < 84:
            blocks += self._sell(tick, at)
        if slot == 20:
            self._ship(tick, day)
        if slot == 19:
            self._receive(tick + 9, day)
        if slot % 4 == 0 and tick:
            blocks.append(self._telemetry(at))
        if slot == 93:
            blocks.append(self._extract(at))
        if tick in self.mishaps.nil_picks:
            location, item = self.mishaps.nil_picks[tick]
            blocks.append(
                self._block(
                    "picking", at, 1, location=location, item=item, quantity=0, status=STATUS["nil"],
                    document_type=DOCUMENT_TYPE["order"], document_id=np.array([self._number()]),
                )
            )  # fmt: skip
        return blocks

    def _open(self, at):
        items, cells = np.arange(self.items), np.arange(self.locations * self.items)
        return [
            self._block("master_data", at, self.items, item=items, unit_price=np.full(self.items, 20.0), quantity=8),
            self._block(
                "stock_extract", at, len(cells), location=(cells // self.items).astype(np.int32), code=CODE["ERP"],
                item=(cells % self.items).astype(np.int32), quantity=self.erp.copy(), status=STATUS["opening"],
            ),
        ]  # fmt: skip

    def _sell(self, tick, at):
        count = self.draw.poisson(self.lines_a_tick)
        location = np.sort(self.draw.integers(1, self.locations, count)).astype(np.int32)
        item = self.draw.choice(self.items, count, p=self.share).astype(np.int32)
        keep = np.ones(count, bool)
        for (place, thing), since in self.mishaps.frozen.items():
            keep &= (tick < since) | (location != place) | (item != thing)
        location, item = location[keep], item[keep]
        count = len(item)
        if not count:
            return []
        sequence = self._next("pos", location)
        np.subtract.at(self.erp, location * self.items + item, 1)
        for row, key in enumerate(zip(location.tolist(), sequence.tolist(), strict=True)):
            if key in self.mishaps.dropped_sales:
                self._gap(tick, "pos_erp", *key, 1)
                self.erp[location[row] * self.items + item[row]] += 1
            if key in self.mishaps.doubled_sales:
                self._gap(tick, "pos_erp", *key, -1)
                self.erp[location[row] * self.items + item[row]] -= 1
        return [
            self._block(
                "retail_selling", at + np.arange(count), count, location=location, item=item, sequence=sequence,
                quantity=np.ones(count, np.int32), document_id=10**12 + self.event + np.arange(count), code=CODE["601"],
                document_type=DOCUMENT_TYPE["ticket"], source=SOURCE["POS"],
            )
        ]  # fmt: skip

    def _next(self, journal, location):
        """Sequence numbers of lines sorted by location."""
        counts = np.bincount(location, minlength=self.locations)
        starts = np.cumsum(counts) - counts
        sequence = np.arange(len(location)) + (self.sequence[journal] - starts)[location]
        self.sequence[journal] += counts
        return sequence

    def _gap(self, tick, interface, location, sequence, count, closed=False):
        hour = (tick // 4 + 1) * 4
        block = self._block(
            "sequence_gap", START + hour * TICK, 1, interface=INTERFACE[interface], location=location, count=count,
            sequence=np.array([sequence]), status=STATUS["closed" if closed else "open"],
        )  # fmt: skip
        self.later[hour].append(block)

    def _lines(self, tick, name, journal, interface, location, item, quantity, document, kind, code, **extra):
        """A document line block, and its postings 30 minutes later."""
        n, at = len(item), START + tick * TICK + 3 * MINUTE
        sequence = self._next(journal, location)
        self.later[tick].append(
            self._block(
                name, at, n, location=location, item=item, quantity=quantity, sequence=sequence, partner=0,
                interface=INTERFACE[interface], document_id=document, document_type=DOCUMENT_TYPE[kind],
                code=CODE[code], due_at=np.full(n, at + SERVICE), **extra,
            )
        )  # fmt: skip
        return sequence

    def _post(self, tick, interface, location, item, quantity, sequence, document, kind, code, sign):
        block = self._block(
            "posting", START + tick * TICK + MINUTE, len(item), location=location, item=item, quantity=quantity,
            sequence=sequence, interface=INTERFACE[interface], correlation_id=document, code=CODE[code],
            document_type=DOCUMENT_TYPE[kind],
        )  # fmt: skip
        np.add.at(self.erp, location * self.items + item, sign * quantity)
        self.later[tick].append(block)

    def _ship(self, tick, day):
        for store in range(1, self.locations):
            document = self._number()
            item = np.sort(self.draw.choice(self.items, self.transfer_lines, replace=False))
            n = len(item)
            quantity = np.full(n, 8)
            dc, there = np.zeros(n, np.int64), np.full(n, store)
            sequence = self._lines(tick, "shipping", "wms", "wms_erp", dc, item, quantity, document, "transfer", "303")
            self._post(tick + 2, "wms_erp", dc, item, quantity, sequence, document, "transfer", "303", -1)
            departs, late = START + tick * TICK + 10 * MINUTE, self.mishaps.late_trucks.get((day, store), 0)
            header = {"document_id": np.array([document]), "document_type": DOCUMENT_TYPE["transfer"]}
            self.later[tick].append(
                self._block("departing", departs, 1, location=0, partner=store, due_at=departs + 12 * HOUR, **header)
            )
            arrives = tick + 24 + late * 4
            self.later[arrives].append(
                self._block("arriving", START + arrives * TICK, 1, location=store, partner=0, **header)
            )
            sequence = self._lines(
                arrives + 1, "receiving", "store", "store_erp", there, item, quantity, document, "transfer", "305",
                status=STATUS["accepted"],
            )  # fmt: skip
            self._post_store(arrives + 1, day, store, there, item, quantity, sequence, document)

    def _post_store(self, tick, day, store, there, item, quantity, sequence, document):
        mishaps, keys = self.mishaps, [(store, s) for s in sequence.tolist()]
        kept = np.array([key not in mishaps.dropped_lines for key in keys])
        for key in keys:
            if key in mishaps.dropped_lines:
                self._gap(tick, "store_erp", *key, 1)
        told = np.where([key in mishaps.halved_lines for key in keys], quantity // 4, quantity)
        due = tick + 2
        lag = mishaps.lagging_days.get((day, store), 0)
        if lag:
            due += lag * 4
            self._gap(tick, "store_erp", store, int(sequence[0]), len(sequence))
            self._gap(due, "store_erp", store, int(sequence[0]), len(sequence), closed=True)
        if mishaps.outage and mishaps.outage[0] <= due < mishaps.outage[1]:
            self.later[due].append(
                self._block("retrying", START + due * TICK, 1, interface=INTERFACE["store_erp"], attempt=1, count=9)
            )
            due = mishaps.outage[1] + 8
            self.later[mishaps.outage[1]] = [
                *self.later[mishaps.outage[1]],
                self._block("recovered", START + mishaps.outage[1] * TICK, 1, interface=INTERFACE["store_erp"]),
            ]
        self._post(
            due, "store_erp", there[kept], item[kept], told[kept], sequence[kept], document, "transfer", "305", 1
        )
        again = np.array([key in mishaps.doubled_lines for key in keys])
        if again.any():
            self._post(
                due + 6, "store_erp", there[again], item[again], quantity[again], sequence[again], document, "transfer",
                "305", 1,
            )  # fmt: skip

    def _receive(self, tick, day):
        n = max(1, self.items // 2)
        item = np.sort(self.draw.choice(self.items, n, replace=False))
        advised = np.full(n, 48)
        shipment, order, receipt = self._number(), self._number(), self._number()
        carton = 3 * 10**17 + shipment * 1000 + np.arange(n)
        unknown = np.array([(day, row) in self.mishaps.unknown_cartons for row in range(n)])
        varied = np.array([(day, row) in self.mishaps.variances for row in range(n)])
        if day not in self.mishaps.missing_asn_days:
            self.later[tick - 8].append(
                self._block(
                    "advising", START + (tick - 8) * TICK, n, item=item, quantity=advised, location=0,
                    carton=np.where(unknown, carton + 10**9, carton), document_id=shipment,
                    interface=INTERFACE["edi_wms"], sequence=np.arange(n),
                )
            )  # fmt: skip
        self.later[tick].append(
            self._block(
                "arriving", START + tick * TICK, 1, location=0, document_type=DOCUMENT_TYPE["asn"],
                document_id=shipment, parent_document_id=order,
            )
        )  # fmt: skip
        if unknown.any():
            self.later[tick + 1].append(
                self._block(
                    "receiving", START + (tick + 1) * TICK, int(unknown.sum()), location=0, item=item[unknown],
                    status=STATUS["unknown_carton"], document_id=receipt, parent_document_id=shipment,
                    carton=carton[unknown], code=CODE["101"],
                )
            )  # fmt: skip
        item, varied, carton = item[~unknown], varied[~unknown], carton[~unknown]
        counted = np.where(varied, 40, 48)
        sequence = self._lines(
            tick + 2, "receiving", "wms", "wms_erp", np.zeros(len(item), np.int64), item, counted, receipt, "receipt",
            "101", parent_document_id=shipment, carton=carton,
            status=np.where(varied, STATUS["variance"], STATUS["accepted"]),
        )  # fmt: skip
        self._post(
            tick + 4, "wms_erp", np.zeros(len(item), np.int64), item, counted, sequence, receipt, "receipt", "101", 1
        )

    def _telemetry(self, at):
        places = np.arange(1, self.locations)
        n = len(places)
        return self._block(
            "telemetry", at, n, interface=INTERFACE["pos_erp"], location=places, count=np.full(n, 10),
            latency_p95_ms=self.draw.integers(200_000, 300_000, n), sequence=self.sequence["pos"][1:] - 1,
            status=STATUS["ok"],
        )  # fmt: skip

    def _extract(self, at):
        change = self.erp - self.extracted
        self.extracted = self.erp.copy()
        cells = np.flatnonzero(change)
        return self._block(
            "stock_extract", at, len(cells), location=(cells // self.items).astype(np.int32), code=CODE["ERP"],
            item=(cells % self.items).astype(np.int32), quantity=change[cells],
        )  # fmt: skip


@pytest.fixture(scope="session")
def chain():
    """The class that makes streams."""
    return SyntheticChain


@pytest.fixture(scope="session")
def mishaps():
    """The class that says what goes wrong in one."""
    return Mishaps
