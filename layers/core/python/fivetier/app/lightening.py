"""What a lookback is compared with, and what it saved (ADR 23)."""

import json
from typing import Any

from fivetier.app import keys
from fivetier.app.looking_back import replaced_release
from fivetier.app.records import LandedObject, Run
from fivetier.app.world import Ports
from fivetier.domain.errors import ObjectChanged
from fivetier.domain.lighter import left_out
from fivetier.domain.runs import RunState
from fivetier.domain.slice import Slice


def compared_with(run: Run, ports: Ports) -> str | None:
    """The run whose release a lookback is compared with: its month's, else the newest published of a month before.

    Releases of full refreshes count, whether readers still see them or not.
    """
    row = replaced_release(run, ports)
    if row is not None:
        return row.run_id
    earlier = [
        other
        for other in ports.runs.list_runs(run.lob)
        if other.state is RunState.PUBLISHED and other.rollback_to is None and other.sub_version <= run.sub_version
    ]
    return max(earlier, key=lambda other: (other.sub_version, other.started_at)).run_id if earlier else None


def savings(run: Run, base: Slice, ports: Ports) -> dict[str, Any]:
    """What a lookback did not do, for its report: files not read, and rows of its base not built.

    Rows and seconds are those of a run that did read the very file, where there is one.
    """
    return {
        "lookback_of": run.lookback_of,
        "skipped": [_skipped(obj, run, ports) for obj in run.skipped],
        "left_out_of_base": left_out(base),
    }


def _skipped(landed: LandedObject, run: Run, ports: Ports) -> dict[str, Any]:
    known = _read_by_another(landed, run, ports) or {}
    ledger = known.get("ledger", {})
    return {
        "source": landed.source,
        "file": landed.file_name,
        "sha256": landed.sha256,
        "bytes": landed.size,
        "rows": ledger.get("landed"),
        "seconds": known.get("seconds"),
        "known_from": known.get("run_id"),
    }


def _read_by_another(landed: LandedObject, run: Run, ports: Ports) -> dict[str, Any] | None:
    for other in ports.runs.list_runs(run.lob):
        if (landed.source, landed.sha256) in {(obj.source, obj.sha256) for obj in other.objects}:
            try:
                stored = ports.staging.get_bytes(keys.feed_ledger_key(other.run_id, landed.source))
            except ObjectChanged:
                continue  # it never came so far, or its evidence expired
            return {**json.loads(stored), "run_id": other.run_id}
    return None
