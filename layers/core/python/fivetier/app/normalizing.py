"""Normalize: one landed file becomes canonical rows, quarantine and a ledger.

The only step that reads publishers' formats, and so the only one that needs what they take (DuckDB, openpyxl).
"""

from collections import Counter
from dataclasses import asdict

from fivetier.app import keys
from fivetier.app.candidate import Feed, check_period
from fivetier.app.contracts import NormalizedFeed, NormalizeRequest
from fivetier.app.refresh import require_fence
from fivetier.app.world import Occasion, Ports
from fivetier.domain.ids import SubVersion
from fivetier.domain.manifest import canonical_json
from fivetier.domain.report import SourceLedger
from fivetier.feeds.mapping import mapping_of
from fivetier.feeds.reader import FeedBatch, read_feed


def read_result(batch: FeedBatch, *, version_id: str | None = None) -> Feed:
    """Take over what the reader gives."""
    return Feed(
        SourceLedger(
            source=batch.source,
            file=batch.file_name,
            sha256=batch.sha256,
            landed=batch.landed_rows,
            normalized=batch.rows.num_rows,
            quarantined=batch.quarantined.num_rows,
            suppressed=batch.suppressed.num_rows,
            period=None if batch.period is None else str(batch.period),
            version_id=version_id,
            format=batch.format,
            encoding=batch.encoding or "",
            dropped_columns=tuple(batch.dropped_columns),
        ),
        batch.rows,
        batch.quarantined,
        dict(Counter(batch.suppressed.column("rule_id").to_pylist())),
    )


def normalize_feed(request: NormalizeRequest, ports: Ports) -> NormalizedFeed:
    """Read one pinned object into canonical rows, quarantine and a ledger.

    Raises:
        InputError: the file cannot be used; what it holds stays landed.
        ObjectChanged: the object is not the one that was pinned.
    """
    require_fence(request, ports)
    began = ports.clock.now()
    run = ports.runs.get_run(request.run_id)
    landed = next(obj for obj in run.objects if obj.source == request.source)
    batch = read_feed(
        ports.landing.read(landed),
        file_name=landed.file_name,
        mapping=mapping_of(landed.source),
        run_id=run.run_id,
        lob=request.lob,
        sub_version=SubVersion.parse(run.sub_version),
    )
    feed = read_result(batch, version_id=landed.version_id)
    ports.staging.put_table(keys.quarantine_key(run.run_id, landed.source), feed.quarantined)
    ports.staging.put_table(keys.suppressed_key(run.run_id, landed.source), batch.suppressed)
    check_period(feed.ledger, request.lob, SubVersion.parse(run.sub_version))
    ports.staging.put_table(keys.normalized_key(run.run_id, landed.source), feed.rows)
    ledger = {
        "ledger": asdict(feed.ledger),
        "suppressed_by_rule": feed.suppressed_by_rule,
        "seconds": round((ports.clock.now() - began).total_seconds(), 1),
    }
    ports.staging.put_bytes(keys.feed_ledger_key(run.run_id, landed.source), canonical_json(ledger))
    counts = NormalizedFeed(
        source=landed.source,
        landed=feed.ledger.landed,
        normalized=feed.ledger.normalized,
        quarantined=feed.ledger.quarantined,
        suppressed=feed.ledger.suppressed,
    )
    ports.runs.note_progress(run.run_id, f"normalize {landed.source}", counts.model_dump(exclude={"source"}))
    event = Occasion(run.run_id, run.lob).event(
        "feed_normalized", ports.clock.now(), discriminator=landed.source, **counts.model_dump()
    )
    ports.runs.record_event(event)
    return counts
