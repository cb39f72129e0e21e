"""What a lookback does not build, taken out of its source rows and of what it is compared with (R2.4, ADR 23)."""

from dataclasses import replace

from fivetier.domain.resolution import SourceRows
from fivetier.domain.slice import Slice
from fivetier.domain.tiers import Tier

_NETWORK_COLUMNS = {"network_id": None, "network_name": None, "network_tier": None}


def lighter_rows(rows: SourceRows) -> SourceRows:
    """Source rows without what a lookback does not build; plans of a source that names networks too stay."""
    plans = None if rows.plans is None else [{**row, **_NETWORK_COLUMNS} for row in rows.plans]
    return replace(rows, plans=plans, networks=None, service_areas=None, crosswalk=None)


def lighter(slice_: Slice) -> Slice:
    """A slice as a lookback would have built it, so that what is left out on purpose shows as no change."""
    networks = {node.node_id for node in slice_.nodes if node.tier == Tier.NETWORK}
    return replace(
        slice_,
        nodes=tuple(node for node in slice_.nodes if node.node_id not in networks),
        external_ids=tuple(row for row in slice_.external_ids if row.node_id not in networks),
        aliases=tuple(row for row in slice_.aliases if row.node_id not in networks),
        plan_networks=(),
        service_areas=(),
        crosswalks=(),
    )


def left_out(slice_: Slice) -> dict[str, int]:
    """How many live rows of a slice a lookback does not build, by table."""
    return {
        "network_nodes": sum(node.tier == Tier.NETWORK for node in slice_.live_nodes.values()),
        "plan_networks": sum(row.valid_to is None for row in slice_.plan_networks),
        "service_areas": sum(row.valid_to is None for row in slice_.service_areas),
        "plan_crosswalks": sum(row.valid_to is None for row in slice_.crosswalks),
    }
