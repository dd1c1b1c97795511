"""Who hears of what: the routes of a region, declared once.

A source tells the middleware its documents; a route says over which interface which kinds of them go on, to whom, and
which books they change there. Channels and their feeds are built from this table, and a document of a kind that no
route carries is refused where it is sent. ERP and OMS are told of every kind: a consumer whose book a line does not
change still counts its number. Suppliers' documents come by mailboxes, declared beside it. A release can break no
mapping but one of the two tables.

What stands in neither is taken to be carried soundly, and has no telemetry of its own: ERP's orders and the answers to
them (``edi_out``, ``edi_erp``, whose versions may come in the wrong order all the same), master data and prices
(``mdm_erp``, ``mdm_pos``, late or wrong by their own mechanisms) and the TMS's messages (``tms_erp``).
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.ledger import Belief

_ERP = (Belief.ERP_ON_HAND, Belief.ERP_ON_ORDER, Belief.ERP_BLOCKED)
_OMS = (Belief.OMS_ON_HAND,)
_TILL = ("ticket",)
_STORE = ("return", "transfer", "order", "count", "vendor_return")
_WMS = ("receipt", "transfer", "order", "return", "count", "vendor_return")


@dataclass(frozen=True)
class Route:
    """One interface of a source.

    Attributes:
        source: ``pos``, ``store`` or ``wms``.
        consumer: whose books it feeds.
        interface: its name in the stream.
        documents: the kinds that it carries, by name of the stream.
        mapped: those of them that have a mapping of their own, which a release may break; the others go through one
            that nobody touches. Assumption.
        beliefs: the books.
        by_document: its lines belong to documents, which ERP answers line by line; else a place's lines of a tick
            belong together, and nobody answers.
        is_nightly: it carries a day's lines of legacy shops in one file, in place of the consumer's other route.
    """

    source: str
    consumer: str
    interface: str
    documents: tuple[str, ...]
    mapped: tuple[str, ...]
    beliefs: tuple[Belief, ...]
    by_document: bool = True
    is_nightly: bool = False


ROUTES: tuple[Route, ...] = (
    Route("pos", "erp", "pos_erp", _TILL, _TILL, _ERP, by_document=False),
    Route("pos", "oms", "pos_oms", _TILL, _TILL, _OMS, by_document=False),
    Route("pos", "erp", "pos_batch", _TILL, _TILL, _ERP, by_document=False, is_nightly=True),
    Route("store", "erp", "store_erp", _STORE, ("return", "transfer", "order"), _ERP),
    Route("store", "oms", "store_oms", _STORE, ("return", "transfer"), _OMS),
    Route("wms", "erp", "wms_erp", _WMS, ("receipt", "transfer", "order"), _ERP),
    Route("wms", "oms", "wms_oms", _WMS, ("receipt", "transfer"), _OMS),
)


@dataclass(frozen=True)
class Box:
    """One mailbox: documents of suppliers that come whole, and change no book by themselves.

    Attributes:
        interface: its name in the stream.
        documents: the kinds that it takes, each with a mapping of its own.
        acknowledges: whether a 997 answers each document.
    """

    interface: str
    documents: tuple[str, ...]
    acknowledges: bool


BOXES: tuple[Box, ...] = (
    Box("edi_wms", ("asn",), acknowledges=True),
    Box("portal_wms", ("asn",), acknowledges=False),
    Box("edi_ap", ("invoice",), acknowledges=True),
)
#: Every mapping of every interface, with its kind of document: any of these a release may break.
MAPPINGS: tuple[tuple[str, str], ...] = (
    *((route.interface, kind) for route in ROUTES for kind in route.mapped),
    *((box.interface, kind) for box in BOXES for kind in box.documents),
)
SOURCES = tuple(dict.fromkeys(route.source for route in ROUTES))


def routes_of(source: str) -> tuple[Route, ...]:
    """The routes of one source: to ERP, to OMS, and the nightly one where there is one."""
    return tuple(route for route in ROUTES if route.source == source)
