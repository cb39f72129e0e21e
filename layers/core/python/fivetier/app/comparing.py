"""`fivetier compare`: the report for two vintages of files, without a run, a store or a signature."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fivetier.app.candidate import Base, Feed, check_period, resolve_feeds, review
from fivetier.app.normalizing import read_result
from fivetier.domain.errors import (
    InputError,
    MissingColumn,
    MissingSource,
    UnsupportedFormat,
    WrongFileInSlot,
)
from fivetier.domain.ids import SubVersion
from fivetier.domain.periods import month_of, parse_period
from fivetier.domain.resolution import RunContext
from fivetier.domain.slice import Slice
from fivetier.domain.tiers import Lob
from fivetier.feeds.catalog import sources_of
from fivetier.feeds.mapping import mapping_of
from fivetier.feeds.reader import read_feed

NamedFile = tuple[str, bytes]


def compare(
    old: Sequence[NamedFile],
    new: Sequence[NamedFile],
    *,
    lob: Lob,
    now: datetime,
    old_month: SubVersion | None = None,
    new_month: SubVersion | None = None,
) -> dict[str, Any]:
    """Read two vintages of files, each (file name, bytes), and report the difference; see `compare_feeds`."""
    return compare_feeds(
        [read_file(name, data, lob) for name, data in old],
        [read_file(name, data, lob) for name, data in new],
        lob=lob,
        now=now,
        old_month=old_month,
        new_month=new_month,
    )


def compare_feeds(
    old: Sequence[Feed],
    new: Sequence[Feed],
    *,
    lob: Lob,
    now: datetime,
    old_month: SubVersion | None = None,
    new_month: SubVersion | None = None,
) -> dict[str, Any]:
    """Resolve OLD as if it were published, NEW as its successor, and report the difference.

    Args:
        old: the earlier vintage, one file per source, in any order.
        new: the later vintage.
        lob: line of business the files are of.
        now: naive UTC, stamped into the report.
        old_month: month of OLD; told from its leading source when absent.
        new_month: month of NEW, likewise.

    Raises:
        InputError: a source is given twice or missing, a month cannot be told, or NEW is older than OLD.
    """
    old_feeds, old_month = _vintage(old, lob, old_month)
    new_feeds, new_month = _vintage(new, lob, new_month)
    if new_month < old_month:
        raise InputError(f"NEW is of {new_month}, OLD of {old_month}: give the earlier vintage first")
    before, _ = resolve_feeds(old_feeds, RunContext(lob, old_month, "compare-old", now), Slice(lob))
    context = RunContext(lob, new_month, "compare-new", now)
    resolution, refused = resolve_feeds(new_feeds, context, before.candidate)
    base = Base(before.candidate, "compare-old", old_month)
    return review(new_feeds, refused, resolution, context, base)


def split_vintages(feeds: Sequence[Feed]) -> tuple[list[Feed], list[Feed]]:
    """Cut a list OLD... NEW... before the first file whose source already occurred.

    Raises:
        InputError: no source occurs twice, so there is nothing to compare.
    """
    seen: set[str] = set()
    for position, feed in enumerate(feeds):
        if feed.ledger.source in seen:
            return list(feeds[:position]), list(feeds[position:])
        seen.add(feed.ledger.source)
    raise InputError("nothing to compare: give the same source for two months, the earlier month first")


def read_file(name: str, data: bytes, lob: Lob) -> Feed:
    """Read a file as the source whose columns it has.

    Raises:
        InputError: no source fits; the error is that of the source it was recognised as, or of the leading one.
    """
    not_this_source = (WrongFileInSlot, UnsupportedFormat, MissingColumn)
    first: InputError | None = None
    for spec in sources_of(lob):
        mapping = mapping_of(spec.source)
        try:
            return read_result(read_feed(data, file_name=name, mapping=mapping, run_id="compare", lob=lob))
        except not_this_source as error:
            first = first or error
    raise first or InputError(f"{lob} has no sources yet")


def _vintage(given: Sequence[Feed], lob: Lob, month: SubVersion | None) -> tuple[list[Feed], SubVersion]:
    if not sources_of(lob):
        raise InputError(f"{lob} has no sources yet")
    feeds: dict[str, Feed] = {}
    for feed in given:
        twin = feeds.setdefault(feed.ledger.source, feed)
        if twin is not feed:
            raise InputError(f"{twin.ledger.file} and {feed.ledger.file} are both {feed.ledger.source}; give one")
    missing = [spec.source for spec in sources_of(lob) if spec.required and spec.source not in feeds]
    if missing:
        raise MissingSource(lob=lob, sub_version=str(month or "?"), sources=missing)
    leading = feeds[sources_of(lob)[0].source].ledger
    found = month or (None if leading.period is None else month_of(parse_period(leading.period)))
    if found is None:
        raise InputError(f"{leading.file}: cannot tell its month; put YYYY_MM into the name or give it as an option")
    for feed in feeds.values():
        check_period(feed.ledger, lob, found)
    return [feeds[spec.source] for spec in sources_of(lob) if spec.source in feeds], found
