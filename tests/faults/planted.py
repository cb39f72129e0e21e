"""Defects to be found: a campaign that misses one of these shows nothing by its green."""

from collections.abc import Callable, Mapping
from typing import Any

from fivetier.app import chaining, publishing
from fivetier.aws.dynamo_table import OpsTable
from fivetier.aws.iceberg_lake import IcebergLake
from fivetier.domain.signoff import Verdict


def _forget_who_published() -> None:
    """A publisher that does not look whether an earlier try got as far."""
    IcebergLake._is_added = lambda *_: False  # type: ignore[method-assign,assignment]


def _publish_before_the_files() -> None:
    """The row moves readers before the files are there."""
    real = IcebergLake.add_release_files
    row: list[Any] = []

    def late(lake: IcebergLake, manifest: Any, *, properties: Any) -> None:
        row.append((manifest, properties))

    def early(lake: IcebergLake, release: Any, set_row: Any = IcebergLake.set_current_release) -> None:
        set_row(lake, release)
        for manifest, properties in row:
            real(lake, manifest, properties=properties)

    IcebergLake.add_release_files = late  # type: ignore[method-assign,assignment]
    IcebergLake.set_current_release = early  # type: ignore[method-assign,assignment]


def _count_no_signatures() -> None:
    """Whoever decides first is enough to wake the run, and the publisher believes whoever calls it."""
    chaining.outcome = lambda decisions, roles: Verdict.APPROVE if decisions else None  # type: ignore[assignment]
    publishing._signers = lambda *_: {"data_lead": "dora"}  # type: ignore[assignment]


def _lose_events() -> None:
    """Changes are written without their event."""
    real = OpsTable._write
    OpsTable._write = lambda self, actions, event=None: real(self, actions) if actions else None  # type: ignore[method-assign]


PLANTS: Mapping[str, Callable[[], None]] = {
    "double_files": _forget_who_published,
    "row_first": _publish_before_the_files,
    "no_signatures": _count_no_signatures,
    "lost_events": _lose_events,
}
