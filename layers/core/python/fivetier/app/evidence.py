"""What an auditor takes away: the chain, what was signed, and hashes of what is stored (ADR 15).

Gathering judges nothing: what is gone is left out, what cannot be read is named, and `proving` says what it means.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from pydantic import Field

from fivetier.app import keys
from fivetier.app.records import Record
from fivetier.app.world import Ports, utc_text
from fivetier.domain.audit import ChainedEvent
from fivetier.domain.errors import FivetierError, ObjectChanged
from fivetier.domain.manifest import Manifest, sha256_hex
from fivetier.domain.tiers import Lob

FROZEN = "candidate_frozen"
PUBLISHED = ("published", "run_published")


class StagedHash(Record):
    """One version of a staged file and the newest under its key; None for what is gone."""

    key: str
    version_id: str
    sha256: str | None
    newest_sha256: str | None


class Evidence(Record):
    """Everything `proving.prove` looks at. It can be written to a folder and read back.

    Attributes:
        lob: line of business.
        taken_at: when it was gathered, UTC.
        audit: key -> the first version of each object of the chain.
        covered: keys of the chain somebody wrote over or deleted; their first version is still there.
        documents: key -> manifest or report of each run people were asked about.
        staged: the files those manifests list.
        current: the row of table `release` readers go by.
        months: month -> the row of table `release_month` that names its history.
        rows: run -> the row as the run's own object holds it; None where that cannot be read.
        lake: release -> production file -> SHA-256; None for a file that is gone.
        unreadable: what could not be read at all, and why.
    """

    lob: str
    taken_at: str
    audit: dict[str, bytes]
    covered: tuple[str, ...] = ()
    documents: dict[str, bytes] = Field(default_factory=dict)
    staged: tuple[StagedHash, ...] = ()
    current: dict[str, Any] | None = None
    months: dict[str, dict[str, Any]] = Field(default_factory=dict)
    rows: dict[str, dict[str, Any] | None] = Field(default_factory=dict)
    lake: dict[str, dict[str, str | None]] = Field(default_factory=dict)
    unreadable: tuple[str, ...] = ()


def gather(lob: Lob, ports: Ports, say: Callable[[str], None] = lambda _: None) -> Evidence:
    """Read all of it, telling `say` what is being read."""
    say("the audit chain")
    objects = ports.audit.read_objects(lob)
    events = list(_events(stored.data for stored in objects))
    documents: dict[str, bytes] = {}
    staged: dict[tuple[str, str], StagedHash] = {}
    for run_id in dict.fromkeys(e.event.run_id for e in events if e.event.event_type == FROZEN):
        say(f"what was signed in {run_id}")
        documents |= _documents(run_id, ports)
        for key, version_id in _files(documents.get(keys.manifest_key(run_id), b"")):
            if (key, version_id) not in staged:
                staged[key, version_id] = _hashed(key, version_id, ports)
    unreadable: list[str] = []
    say("the release rows")
    current = _read(lambda: ports.lake.current_release(lob), "the row of table release", unreadable)
    months = _read(lambda: ports.lake.month_releases(lob), "the rows of table release_month", unreadable) or {}
    rows = _read(lambda: ports.lake.release_rows(lob), "the release rows' objects", unreadable) or {}
    releases = {
        str(e.event.details.get("release_id", e.event.run_id)) for e in events if e.event.event_type in PUBLISHED
    }
    lake: dict[str, dict[str, str | None]] = {}
    shown = {row.release_id for row in (*months.values(), *([current] if current else []))}
    for release in sorted(releases | shown):
        say(f"the published files of {release}")
        files = _read(partial(ports.lake.release_files, lob, release), f"the files of {release}", unreadable)
        lake[release] = files or {}
    return Evidence(
        lob=lob,
        taken_at=utc_text(ports.clock.now()),
        audit={stored.key: stored.data for stored in objects},
        covered=tuple(stored.key for stored in objects if stored.is_covered),
        documents=documents,
        staged=tuple(staged.values()),
        current=None if current is None else current.model_dump(mode="json"),
        months={month: row.model_dump(mode="json") for month, row in months.items()},
        rows={run_id: None if row is None else row.model_dump(mode="json") for run_id, row in rows.items()},
        lake=lake,
        unreadable=tuple(unreadable),
    )


def _events(stored: Iterable[bytes]) -> Iterable[ChainedEvent]:
    for data in stored:
        try:
            yield ChainedEvent.model_validate_json(data)
        except ValueError:
            continue  # `proving` says so


def _documents(run_id: str, ports: Ports) -> dict[str, bytes]:
    found = {}
    for key in (keys.manifest_key(run_id), keys.report_key(run_id)):
        try:
            found[key] = ports.staging.get_bytes(key)
        except ObjectChanged:
            continue
    return found


def _files(manifest: bytes) -> list[tuple[str, str]]:
    try:
        return [(file.key, file.version_id) for file in Manifest.model_validate_json(manifest).files]
    except ValueError:
        return []


def _hashed(key: str, version_id: str, ports: Ports) -> StagedHash:
    return StagedHash(
        key=key, version_id=version_id, sha256=_hash(key, version_id, ports), newest_sha256=_hash(key, None, ports)
    )


def _hash(key: str, version_id: str | None, ports: Ports) -> str | None:
    try:
        return sha256_hex(ports.staging.get_bytes(key, version_id))
    except ObjectChanged:
        return None


def _read(read: Callable[[], Any], what: str, unreadable: list[str]) -> Any:
    """What `read` gives; None, and a note, where the store holds something that is none of ours."""
    try:
        return read()
    except (FivetierError, ValueError, OSError, LookupError) as error:
        unreadable.append(f"{what} cannot be read: {error}")
        return None
