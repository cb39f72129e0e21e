"""Gates on what reading and resolving brought to light: sources, spellings, what only one publisher lists."""

from collections import defaultdict
from dataclasses import asdict

from fivetier.domain.candidate import Candidate
from fivetier.domain.findings import Finding, finding
from fivetier.domain.names import agreement_key, equality_key
from fivetier.domain.periods import is_of
from fivetier.domain.slice import Node
from fivetier.domain.tiers import Tier


def check_disagreement(c: Candidate) -> Finding | None:
    """PARENT_DISAGREEMENT: both sides, and what was kept."""
    bad = [{"of": d.subject, "stated": d.stated, "other": d.other, "kept": d.kept} for d in c.resolution.disagreements]
    return finding("PARENT_DISAGREEMENT", bad)


def check_held(c: Candidate) -> Finding | None:
    """HELD_BY_QUARANTINE: published ids whose rows could not be read this month."""
    return finding("HELD_BY_QUARANTINE", [{"id": held} for held in c.resolution.held])


def check_plan_not_in_cms(c: Candidate) -> Finding | None:
    """PLAN_NOT_IN_CMS: plans only Aequalis lists, in states CMS's file covers."""
    found = c.resolution.completeness
    return finding("PLAN_NOT_IN_CMS", [asdict(missing) for missing in found.only_aequalis] if found else [])


def check_quarantined(c: Candidate) -> Finding | None:
    """QUARANTINED_ROWS: how many, by reason."""
    samples = [{"reason": reason, "rows": str(count)} for reason, count in c.quarantined]
    return finding("QUARANTINED_ROWS", samples, count=sum(count for _, count in c.quarantined))


def check_source_missing(c: Candidate) -> Finding | None:
    """SOURCE_MISSING: optional sources that did not land."""
    return finding("SOURCE_MISSING", [{"source": s.source} for s in c.sources if not s.landed])


def check_period_mismatch(c: Candidate) -> Finding | None:
    """PERIOD_MISMATCH: files of another month, or plan year, than the run."""
    bad = [
        {"source": s.source, "file": s.file, "period": str(s.period), "run": str(c.sub_version)}
        for s in c.sources
        if s.landed and s.period is not None and not is_of(s.period, c.sub_version)
    ]
    return finding("PERIOD_MISMATCH", bad)


def check_network_unknown(c: Candidate) -> Finding | None:
    """NETWORK_UNKNOWN: benefits plans without a network, while no source says which plan has which (else ORPHAN)."""
    if c.lookback_of is not None or any(row.valid_to is None for row in c.slice.plan_networks):
        return None  # a lookback builds none (R2.4)
    plans = sum(node.tier == Tier.BENEFITS_PLAN for node in c.slice.live_nodes.values())
    return finding("NETWORK_UNKNOWN", [{"plans": str(plans)}] if plans else [], count=plans)


def check_plan_not_in_reference(c: Candidate) -> Finding | None:
    """PLAN_NOT_IN_AEQUALIS: plans the leading source lists and Aequalis does not."""
    found = c.resolution.completeness
    return finding("PLAN_NOT_IN_AEQUALIS", [asdict(missing) for missing in found.only_cms] if found else [])


def check_taken_names(c: Candidate) -> Finding | None:
    """NAME_TAKEN_FOR: spellings taken for a known organization by more than their letters."""
    bad = [{"spelling": t.spelling, "taken_for": t.name, "how": t.how} for t in c.resolution.taken_names]
    return finding("NAME_TAKEN_FOR", bad)


def check_assumed_parents(c: Candidate) -> Finding | None:
    """PARENT_ASSUMED: entities nobody names a parent of."""
    return finding("PARENT_ASSUMED", [{"entity": name} for name in c.resolution.assumed_parents])


def check_across_lobs(c: Candidate) -> Finding | None:
    """DIFFERS_ACROSS_LOBS: a node of tier 1 or 2 is named or placed otherwise, or one name is two nodes, elsewhere."""
    bad = []
    parents_by_name: dict[str, set[str]] = defaultdict(set)
    for slice_ in c.neighbours:
        for node in slice_.live_nodes.values():
            if node.tier == Tier.PARENT_PAYER:
                parents_by_name[agreement_key(node.name)].add(node.node_id)
        for key, mine in sorted(c.slice.live_nodes.items()):
            other = slice_.live_nodes.get(key)
            if mine.tier <= Tier.SUBSIDIARY and other is not None and _differ(mine, other):
                bad.append({"node_id": key, "name": mine.name, "elsewhere": other.name, "lob": slice_.lob.value})
    for key, mine in sorted(c.slice.live_nodes.items()):
        others = parents_by_name.get(agreement_key(mine.name), set()) - {key}
        if mine.tier == Tier.PARENT_PAYER and others:
            bad.append({"node_id": key, "name": mine.name, "elsewhere": f"node {min(others)}"})
    return finding("DIFFERS_ACROSS_LOBS", bad)


def _differ(mine: Node, other: Node) -> bool:
    return equality_key(mine.name) != equality_key(other.name) or mine.parent_node_id != other.parent_node_id
