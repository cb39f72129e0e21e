"""Runs and decisions as items of the operations table, and back."""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from fivetier.app.records import LandedObject, Run
from fivetier.aws import iso
from fivetier.aws.dynamo_table import Item, Value
from fivetier.domain.signoff import Decision

#: One attribute per step, so that steps running side by side never overwrite each other's counts.
PROGRESS = "progress:"
_FIELDS = Run.model_fields.keys() - {"progress"}


def run_key(run_id: str) -> str:
    """Partition of everything about a run."""
    return f"RUN#{run_id}"


def run_to_item(run: Run) -> Item:
    """A new run's item."""
    fields = {name: getattr(run, name) for name in _FIELDS}
    progress = {f"{PROGRESS}{step}": json.dumps(counts) for step, counts in run.progress.items()}
    return {"pk": run_key(run.run_id), "sk": "RUN", **encode(fields)[0], **progress}


def item_to_run(item: Item) -> Run:
    """The run an item holds."""
    fields: dict[str, Any] = {name: item[name] for name in _FIELDS if name in item}
    for landed in ("objects", "skipped"):
        fields[landed] = json.loads(str(fields.get(landed, "[]")))
    fields["progress"] = {
        name.removeprefix(PROGRESS): json.loads(str(counts))
        for name, counts in item.items()
        if name.startswith(PROGRESS)
    }
    return Run.model_validate(fields)


def encode(fields: Mapping[str, Any]) -> tuple[Item, list[str]]:
    """Fields of a run as attributes to set, and the names of those to remove because they are None.

    Raises:
        ValueError: a field is none of a run's (`progress` has its own way, `note_progress`).
    """
    if unknown := fields.keys() - _FIELDS:
        raise ValueError(f"a run has no field {', '.join(sorted(unknown))}")
    present = {name: _encode(value) for name, value in fields.items() if value is not None}
    return present, [name for name, value in fields.items() if value is None]


def _encode(value: Any) -> Value:
    if isinstance(value, datetime):
        return iso.to_micros(value)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str | int):
        return value
    return json.dumps([_object(landed) for landed in value])


def _object(landed: LandedObject) -> dict[str, Any]:
    return landed.model_dump(mode="json")


def decision_to_item(decision: Decision) -> Item:
    """A decision's item."""
    place = f"DECISION#{decision.round_number:04}#{decision.role}"
    return {
        "pk": run_key(decision.run_id),
        "sk": place,
        "run_id": decision.run_id,
        "round_number": decision.round_number,
        "role": decision.role,
        "login": decision.login,
        "name": decision.name,
        "verdict": decision.verdict,
        "reason": decision.reason,
        "manifest_digest": decision.manifest_digest,
        "signed_at": decision.signed_at,
        "ticks": json.dumps(decision.ticks),
    }


def item_to_decision(item: Item) -> Decision:
    """The decision an item holds."""
    ticks = tuple((code, reason) for code, reason in json.loads(str(item["ticks"])))
    return Decision(
        run_id=str(item["run_id"]),
        round_number=int(item["round_number"]),
        role=str(item["role"]),
        login=str(item["login"]),
        verdict=str(item["verdict"]),
        reason=str(item["reason"]),
        manifest_digest=str(item["manifest_digest"]),
        signed_at=str(item["signed_at"]),
        ticks=ticks,
        name=str(item["name"]),
    )
