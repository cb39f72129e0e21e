"""Mutations of a stored world, as somebody with write access to everything would make them."""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pyarrow as pa
from fivetier.app import keys
from fivetier.app.evidence import gather
from fivetier.app.proving import prove
from fivetier.app.records import Release
from fivetier.aws.parquet import from_parquet, to_parquet
from fivetier.domain.audit import GENESIS, AuditEvent, ChainedEvent, chain
from fivetier.domain.manifest import canonical_json, sha256_hex
from pydantic import BaseModel

from tests.fakes.stores import FakeBucket, Version
from tests.fakes.world import World
from tests.support.rehearsal import MA

#: A chain rewritten so that it is consistent in itself shows by an anchor only.
NEEDS_ANCHOR = "needs an anchor kept elsewhere"
#: What no evidence within reach can show.
BEYOND = "beyond off-line proof"


@dataclass(frozen=True)
class Attack:
    """One mutation of one object; `limit` says what a verifier cannot show without a kept anchor, or at all."""

    kind: str
    mutation: str
    target: str
    apply: Callable[[World], None]
    limit: str | None = None


def flipped(data: bytes, at: int | None = None) -> bytes:
    """One bit of one byte changed."""
    place = len(data) // 2 if at is None else at
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def every_attack(world: World) -> Iterator[Attack]:
    """All of them on this world."""
    yield from _on_chain(world)
    yield from _on_documents(world)
    yield from _on_staged_files(world)
    yield from _on_lake(world)
    yield from _on_release_rows(world)
    yield from _together(world)


# ---- the chain -------------------------------------------------------------------------------------------


def events_of(world: World) -> list[ChainedEvent]:
    """The chain in order."""
    return world.audit.read_from(MA, 0)


def rewrite(world: World, events: list[AuditEvent]) -> None:
    """Store these events as the whole chain, every hash computed anew."""
    for place in [place for place in world.audit.objects if place[0] == MA]:
        del world.audit.objects[place]
    prev = GENESIS
    for seq, event in enumerate(events):
        chained = chain(event, seq=seq, prev=prev)
        world.audit.objects[MA, seq] = chained.to_bytes()
        prev = chained.hash


def _last_anchored(world: World) -> int:
    """The last event an anchor within the world vouches for."""
    proof = prove(gather(MA, world))
    return proof.events - proof.unanchored - 1


def _on_chain(world: World) -> Iterator[Attack]:
    stored = events_of(world)
    anchored, last = _last_anchored(world), len(stored) - 1
    forged = stored[-1].event.model_copy(update={"event_id": "f" * 32, "event_type": "people_asked"})
    for seq, event in enumerate(stored):
        edited = event.event.model_copy(update={"actor": "mallory"})

        def put(data: bytes, seq: int = seq) -> Callable[[World], None]:
            return lambda w: w.audit.objects.__setitem__((MA, seq), data)

        other = stored[(seq + 1) % len(stored)].to_bytes()
        spaced = json.dumps(json.loads(event.to_bytes())).encode()
        mended = chain(edited, seq=seq, prev=event.prev).to_bytes()
        tail = NEEDS_ANCHOR if seq > anchored else None
        at_end = NEEDS_ANCHOR if seq == last else None
        plans: list[tuple[str, Callable[[World], None], str | None]] = [
            ("flip a byte", put(flipped(event.to_bytes())), None),
            ("replace by the next", put(other), None),
            ("empty", put(b""), None),
            ("other white space", put(spaced), None),
            ("delete", lambda w, s=seq: w.audit.objects.__delitem__((MA, s)), at_end),
            ("swap with the next", lambda w, s=seq: _swap(w, s, (s + 1) % len(stored)), None),
            ("edit", put(event.model_copy(update={"event": edited}).to_bytes()), None),
            ("edit, own hash mended", put(mended), at_end),
            ("edit, re-hash the rest", chain_of(lambda e, s=seq, x=edited: e.__setitem__(s, x)), tail),
            ("remove, re-hash the rest", chain_of(lambda e, s=seq: e.pop(s)), tail),
            ("insert a forged one, re-hash the rest", chain_of(lambda e, s=seq: e.insert(s, forged)), tail),
            ("insert a copy, re-hash the rest", chain_of(lambda e, s=seq: e.insert(s, e[s])), tail),
            ("cut the tail from here", lambda w, s=seq: _cut(w, s), tail),
        ]
        if seq < last:
            plans.append(("reorder, re-hash the rest", chain_of(lambda e, s=seq: e.insert(s, e.pop(s + 1))), tail))
        for mutation, apply, limit in plans:
            yield Attack("audit object", mutation, f"event {seq} ({event.event.event_type})", apply, limit)
    end = chain(forged, seq=last + 1, prev=stored[-1].hash).to_bytes()
    yield Attack(
        "audit object",
        "append a forged one",
        "the end",
        lambda w: w.audit.objects.update({(MA, last + 1): end}),
        BEYOND,
    )


def chain_of(change: Callable[[list[AuditEvent]], Any]) -> Callable[[World], None]:
    """Change the list of events and store it as a chain that holds in itself."""

    def apply(world: World) -> None:
        events = [stored.event for stored in events_of(world)]
        change(events)
        rewrite(world, events)

    return apply


def _swap(world: World, one: int, two: int) -> None:
    held = world.audit.objects
    held[MA, one], held[MA, two] = held[MA, two], held[MA, one]


def _cut(world: World, seq: int) -> None:
    for place in [place for place in world.audit.objects if place[0] == MA and place[1] >= seq]:
        del world.audit.objects[place]


# ---- manifests, reports, staged files --------------------------------------------------------------------


def _frozen(world: World) -> dict[str, str]:
    """Run -> digest of every candidate people were asked about."""
    frozen = (e.event for e in events_of(world) if e.event.event_type == "candidate_frozen")
    return {event.run_id: str(event.details["manifest_digest"]) for event in frozen}


def overwrite(bucket: FakeBucket, key: str, data: bytes, version_id: str | None = None) -> None:
    """Change a version in its place, as nobody can through S3: the newest, or the one named."""
    held = bucket.versions[key]
    at = next(n for n, v in enumerate(held) if version_id in (None, v.version_id))
    held[at] = Version(held[at].version_id, data, held[at].at)


def _on_documents(world: World) -> Iterator[Attack]:
    runs = list(_frozen(world))
    for kind, key_of in {"manifest": keys.manifest_key, "report": keys.report_key}.items():
        for n, run in enumerate(runs):
            key, other = key_of(run), key_of(runs[(n + 1) % len(runs)])
            data = world.staging.get_bytes(key)
            document = json.loads(data)
            plans = {f"flip byte {at * 100 // 8} %": flipped(data, len(data) * at // 8) for at in range(8)}
            plans |= {
                "replace by another run's": world.staging.get_bytes(other),
                "truncate": data[:-1],
                "append": data + b" ",
                "empty": b"{}",
                "other white space": json.dumps(document, indent=1).encode(),
                "rename the run": canonical_json(document | {"run_id": "ma-2025_09"}),
            }
            if kind == "manifest":
                fields = ("lob", "sub_version", "kind", "feed_digest", "report_sha256", "base_release_id", "schema_ids")
                plans |= {f"edit {name}": canonical_json(document | {name: "x"}) for name in fields}
                plans["drop a file"] = canonical_json(document | {"files": document["files"][1:]})
            for mutation, spoiled in plans.items():
                apply = lambda w, k=key, d=spoiled: w.staging.bucket.put(k, d)  # noqa: E731
                yield Attack(kind, mutation, run, apply)
            yield Attack(kind, "delete", run, lambda w, k=key: w.staging.bucket.remove(k))


def _on_staged_files(world: World) -> Iterator[Attack]:
    files = {(held.key, held.version_id) for held in gather(MA, world).staged}
    ordered = sorted(files)
    for n, (key, version_id) in enumerate(ordered):
        data = world.staging.get_bytes(key, version_id)
        rows = from_parquet(data)
        other = world.staging.get_bytes(*ordered[(n + 4) % len(ordered)])
        plans = {f"flip byte {at * 25} %": flipped(data, (len(data) - 1) * at // 4) for at in range(5)}
        plans |= {
            "replace by another run's": other,
            "truncate": data[:-8],
            "append": data + b"\0",
            "a row less": to_parquet(rows.slice(1)) if rows.num_rows else to_parquet(rows) + b"\0",
            "a name changed": to_parquet(_forged(rows)) + (b"" if rows.num_rows else b"\0"),
        }
        for mutation, spoiled in plans.items():
            if spoiled != data:
                change = lambda w, k=key, v=version_id, d=spoiled: overwrite(w.staging.bucket, k, d, v)  # noqa: E731
                yield Attack("staged file", mutation, key, change)
        newer = plans["a name changed"]
        yield Attack("staged file", "write a newer version", key, lambda w, k=key, d=newer: w.staging.bucket.put(k, d))
        yield Attack("staged file", "delete", key, lambda w, k=key: w.staging.bucket.remove(k))


def _forged(rows: pa.Table) -> pa.Table:
    """The same rows under another source."""
    at = rows.column_names.index("source")
    return rows.set_column(at, rows.schema.field(at), pa.array(["forged"] * rows.num_rows, pa.string()))


# ---- production ------------------------------------------------------------------------------------------


def _on_lake(world: World) -> Iterator[Attack]:
    for place, files in world.lake.added.items():
        others = [p for p in world.lake.added if p[0] == place[0] and p != place]
        for key, rows in files.items():
            plans: dict[str, Callable[[dict[str, pa.Table]], Any]] = {
                "a row less": lambda f, k=key: f.update({k: f[k].slice(1)}),
                "a name changed": lambda f, k=key: f.update({k: _forged(f[k])}),
                "rows reordered": lambda f, k=key: f.update({k: f[k].take(list(range(f[k].num_rows))[::-1])}),
                "a row twice": lambda f, k=key: f.update({k: pa.concat_tables([f[k], f[k].slice(0, 1)])}),
                "delete": lambda f, k=key: f.pop(k),
                "another file beside it": lambda f, k=key: f.update({k.replace("00000", "00007"): f[k]}),
                "under another key": lambda f, k=key: f.update({k.replace("00000", "00007"): f.pop(k)}),
            }
            for mutation, change in plans.items():
                if mutation != "rows reordered" or rows.num_rows > 1:
                    yield Attack("published file", mutation, key, lambda w, p=place, c=change: c(w.lake.added[p]))
            for other in others[:1]:
                swapped = next(iter(world.lake.added[other].values()))
                yield Attack(
                    "published file",
                    "replace by another release's",
                    key,
                    lambda w, p=place, k=key, t=swapped: w.lake.added[p].update({k: t}),
                )


def _on_release_rows(world: World) -> Iterator[Attack]:
    rows = world.lake.publications
    heads = [event.hash for event in events_of(world)]
    for n, row in enumerate(rows):
        changes: dict[str, Any] = {
            "signers": row.signers.replace("data_lead", "mallory"),
            "manifest_digest": "0" * 64,
            "release_id": "ma-2024_01",
            "run_id": "ma-2024_01",
            "base_release_id": "ma-2024_01",
            "kind": "refresh" if row.kind == "rollback" else "rollback",
            "sub_version": "2024_01",
            "lob": "medicaid",
            "published_at": row.published_at + timedelta(microseconds=1),
            "audit_head": heads[0],
        }
        spoiled = {f"edit {name}": row.model_copy(update={name: value}) for name, value in changes.items()}
        spoiled["drop a signer"] = row.model_copy(update={"signers": row.signers.split(" ")[0]})
        spoiled["audit head of nowhere"] = row.model_copy(update={"audit_head": "f" * 64})
        spoiled["audit head one later"] = row.model_copy(update={"audit_head": heads[heads.index(row.audit_head) + 1]})
        for mutation, wrong in spoiled.items():
            apply = lambda w, at=n, r=wrong: w.lake.publications.__setitem__(at, r)  # noqa: E731
            yield Attack("release row", mutation, row.run_id, apply)
        yield Attack("release row", "delete", row.run_id, lambda w, at=n: w.lake.publications.pop(at))
        if n < len(rows) - 1:
            yield Attack("release row", "replay", row.run_id, lambda w, r=row: w.lake.publications.append(r))
    unpublished = rows[-1].model_copy(update={"run_id": "ma-2025_09", "release_id": "ma-2025_09"})
    yield Attack("release row", "publish without a run", "new", lambda w: w.lake.publications.append(unpublished))


# ---- several at once -------------------------------------------------------------------------------------


def _together(world: World) -> Iterator[Attack]:
    """What somebody does who knows how it is checked: every hash that can be mended is mended."""
    for n, row in enumerate(world.lake.publications):
        if row.kind != "refresh":
            continue
        for mutation, mend_rows, limit in (
            ("edit manifest, recompute digest", None, None),
            ("edit manifest, digest and chain", False, None),
            ("edit manifest, digest, chain and release rows", True, NEEDS_ANCHOR),
        ):
            change = lambda w, r=row.run_id, m=mend_rows: _forge_release(w, r, mend_rows=m)  # noqa: E731
            yield Attack("whole release", mutation, f"{row.run_id} (publication {n})", change, limit)


def _forge_release(world: World, run: str, *, mend_rows: bool | None) -> None:
    """Change a published name everywhere: staged file, lake, manifest; then chain and rows as far as asked."""
    key = keys.manifest_key(run)
    manifest = json.loads(world.staging.get_bytes(key))
    old_digest = sha256_hex(world.staging.get_bytes(key))
    files = []
    for file in manifest["files"]:
        data = world.staging.get_bytes(file["key"], file["version_id"])
        if file["table"] == "hierarchy_node":
            rows = _forged(from_parquet(data))
            data = to_parquet(rows)
            overwrite(world.staging.bucket, file["key"], data, file["version_id"])
            place = (file["table"], run)
            world.lake.added[place] = dict.fromkeys(world.lake.added[place], rows)
        files.append(file | {"sha256": sha256_hex(data)})
    data = canonical_json(manifest | {"files": files})
    overwrite(world.staging.bucket, key, data)
    if mend_rows is None:
        return
    # A rollback to this release lists its files too: its manifest and digest follow.
    swaps = {old_digest: sha256_hex(data)} | _mend_rollbacks(world, manifest["files"], files)
    prev = GENESIS
    for stored in events_of(world):
        chained = chain(AuditEvent.model_validate(_replaced(stored.event, swaps)), seq=stored.seq, prev=prev)
        world.audit.objects[MA, stored.seq] = chained.to_bytes()
        swaps[stored.hash] = prev = chained.hash
    if mend_rows:
        world.lake.publications = [Release.model_validate(_replaced(row, swaps)) for row in world.lake.publications]


def _mend_rollbacks(world: World, old: list[Any], new: list[Any]) -> dict[str, str]:
    swaps = {}
    for run in _frozen(world):
        key = keys.manifest_key(run)
        manifest = json.loads(world.staging.get_bytes(key))
        if manifest.get("rollback_to") and manifest["files"] == old:
            before = sha256_hex(world.staging.get_bytes(key))
            data = canonical_json(manifest | {"files": new})
            overwrite(world.staging.bucket, key, data)
            swaps[before] = sha256_hex(data)
    return swaps


def _replaced(record: BaseModel, swaps: dict[str, str]) -> Any:
    """A record as plain values, every hash in it exchanged for the one it has become."""
    text = record.model_dump_json()
    for old, new in swaps.items():
        text = text.replace(old, new)
    return json.loads(text)


def copied(world: World) -> World:
    """A world of its own to spoil."""
    return copy.deepcopy(world)
