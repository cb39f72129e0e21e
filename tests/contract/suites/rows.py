"""Rows, runs and events for the suites."""

from datetime import UTC, date, datetime
from typing import Any

from fivetier.app.ports import StagingStore
from fivetier.app.records import LandedObject, Release, Run
from fivetier.domain.audit import AuditEvent
from fivetier.domain.manifest import Manifest, ManifestFile
from fivetier.domain.runs import RunState
from fivetier.domain.tables import (
    CONTRACT,
    EXTERNAL_ID,
    HIERARCHY_NODE,
    NODE_ALIAS,
    PLAN_CROSSWALK,
    PLAN_NETWORK,
    SERVICE_AREA,
    Table,
)

from tests.contract.sides.scenes import LOB

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
DIGEST = "d" * 64


def _seen(release_id: str) -> dict[str, Any]:
    return {
        "lob": LOB,
        "release_id": release_id,
        "valid_from": date(2025, 6, 1),
        "source": "directory",
        "trace_id": "v1:2",
        "run_id": release_id,
        "observed_at": NOW.replace(tzinfo=None, microsecond=250),
    }


def node(node_id: str, release_id: str = "r1", **other: Any) -> dict[str, Any]:
    return {**_seen(release_id), "node_id": node_id, "tier": 1, "name": f"Payer {node_id}", **other}


def contract(contract_id: str, release_id: str = "r1", **other: Any) -> dict[str, Any]:
    kind = {"program": "MA", "organization_type": "Local CCP", "plan_type": "HMO"}
    return {**_seen(release_id), "contract_id": contract_id, "lob_node_id": "n3", **kind, **other}


def alias(name: str, release_id: str = "r1") -> dict[str, Any]:
    return {**_seen(release_id), "node_id": "n1", "tier": 1, "alias": name.casefold(), "name": name}


def external_id(value: str, release_id: str = "r1") -> dict[str, Any]:
    return {**_seen(release_id), "node_id": "n1", "id_system": "parent_name", "id_value": value}


def staged_manifest(
    staging: StagingStore,
    release_id: str,
    *,
    base: str | None = None,
    rows: dict[Table, list[dict[str, Any]]] | None = None,
) -> Manifest:
    """Stage one file per release table, a small one unless `rows` says otherwise, and list them."""
    year = {"plan_year": 2025, "area": ""}
    default = {
        HIERARCHY_NODE: [node("n1", release_id), node("n2", release_id, parent_node_id="n1", tier=2)],
        EXTERNAL_ID: [external_id("payer n1", release_id)],
        NODE_ALIAS: [alias("Payer N1", release_id)],
        CONTRACT: [contract("H0001", release_id)],
        PLAN_NETWORK: [
            {**_seen(release_id), "plan_node_id": "n4", "network_node_id": "n5", "network_tier": "preferred"}
        ],
        SERVICE_AREA: [
            {
                **_seen(release_id),
                **year,
                "subsidiary_node_id": "n2",
                "service_area_id": "NMS001",
                "state": "NM",
                "zip_codes": "",
            }
        ],
        PLAN_CROSSWALK: [
            {
                **_seen(release_id),
                **year,
                "from_node_id": "n4",
                "to_node_id": "",
                "status": "terminated",
                "zip_code": "",
            }
        ],
    }
    files = []
    for table, content in {**default, **(rows or {})}.items():
        staged = staging.put_table(f"staging/{release_id}/{table.name}/part-00000.parquet", table.from_rows(content))
        pinned = staged.model_dump(include={"key", "version_id", "sha256"})
        files.append(ManifestFile(table=table.name, rows=len(content), **pinned))
    return Manifest(
        run_id=release_id,
        lob=LOB,
        sub_version="2025_06",
        feed_digest=DIGEST,
        base_release_id=base,
        report_sha256="e" * 64,
        schema_ids={},
        files=tuple(files),
    )


def release_row(release_id: str, *, base: str | None, run_id: str = "", lob: str = LOB, **other: Any) -> Release:
    fields: dict[str, Any] = {
        "lob": lob,
        "release_id": release_id,
        "run_id": run_id or release_id,
        "kind": "rollback" if run_id else "refresh",
        "sub_version": "2025_06",
        "base_release_id": base,
        "manifest_digest": DIGEST,
        "signers": "data_lead=dora engineering_lead=emil",
        "audit_head": "a" * 64,
        "published_at": datetime(2026, 11, 22, 9, 0, 0, 123456, tzinfo=UTC),
    }
    return Release(**{**fields, **other})


def run_named(run_id: str, *, lob: str = LOB, started_at: datetime = NOW, **other: Any) -> Run:
    landed = LandedObject(source="directory", key="k", file_name="f.csv", version_id="v", sha256=DIGEST, size=3)
    fields: dict[str, Any] = {
        "run_id": run_id,
        "lob": lob,
        "sub_version": "2025_06",
        "attempt": 1,
        "feed_digest": DIGEST,
        "state": RunState.RUNNING,
        "requested_by": "olga",
        "started_at": started_at,
        "objects": (landed,),
    }
    return Run(**{**fields, **other})


def event_named(
    event_id: str, *, lob: str = LOB, at: str = "2026-11-22T09:00:00.000000Z", **details: Any
) -> AuditEvent:
    return AuditEvent(
        event_id=event_id, event_type="tested", lob=lob, run_id="run", at=at, actor="tests", details=details
    )
