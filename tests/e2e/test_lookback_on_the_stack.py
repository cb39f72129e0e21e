"""Several months at once, as people ask for them: one refresh, lookbacks beside it, SQL before and after."""

import pytest

from tests.support.cms import directory, entries, monthly, plans_of
from tests.support.pipeline import LOB, MONTHLY, Pipeline

pytestmark = pytest.mark.local_stack


def current(pipeline: Pipeline) -> list[list[dict[str, str]]]:
    """All that readers see, as text."""
    order = {"v_release": "lob", "v_hierarchy_history": "node_id, valid_from, lob", "v_plan_path": "plan_node_id"}
    return [pipeline.sql(f"SELECT * FROM {view} ORDER BY {columns}") for view, columns in order.items()]


def test_months_of_a_list_wait_for_signatures_and_only_the_latest_becomes_current(pipeline: Pipeline) -> None:
    old, middle, now = (pipeline.next_month() for _ in range(3))
    rows = entries(13)  # the next test publishes twelve, and would find nothing new among twelve
    for month, size in ((old, 10), (middle, 11), (now, 13)):
        pipeline.land(month, directory(rows[:size]))
        pipeline.land(month, monthly(plans_of(rows[:size])), MONTHLY)
    missing = pipeline.command("refresh", *LOB, "--sub-versions", f"{now},{pipeline.next_month()}")
    assert (missing.exit_code, missing.err.split(":")[0]) == (3, "MissingSources")

    asked = pipeline.command("refresh", *LOB, "--sub-versions", f"{now},{old},{middle}", "--json")
    assert asked.exit_code == 0, asked.err
    children = {child["sub_version"]: child for child in asked.json}
    assert [(c["sub_version"], c["kind"], c["state"]) for c in asked.json] == [
        (old, "lookback", "AWAITING_SIGN_OFF"),
        (middle, "lookback", "AWAITING_SIGN_OFF"),
        (now, "refresh", "AWAITING_SIGN_OFF"),
    ], asked.json
    full, light = children[now]["run_id"], children[old]["run_id"]
    pipeline.sign_both(full)
    assert pipeline.ended(full)["state"] == "PUBLISHED"

    before = current(pipeline)
    report = pipeline.report(light)
    assert (report["kind"], report["lookback"]["lookback_of"]) == ("lookback", now)
    assert "Lookback at " in pipeline.command("report", light).out
    pipeline.sign_both(light)
    assert pipeline.ended(light)["state"] == "PUBLISHED"
    assert current(pipeline) == before, "a lookback changes nothing readers see"

    (row,) = pipeline.sql(f"SELECT release_id FROM v_release_month WHERE sub_version = '{old}'")
    assert row["release_id"] == light
    (plans,) = pipeline.sql(f"SELECT count(*) AS n FROM v_hierarchy_month WHERE sub_version = '{old}' AND tier = 4")
    assert plans["n"] == "20"
    assert f"lookback of {now}" in pipeline.command("runs").out
    refused = pipeline.command("rollback", *LOB, "--to", light, "--reason", "it was better")
    assert (refused.exit_code, refused.err.split(":")[0]) == (3, "OnlyHistory")
    proved = pipeline.command("audit", "verify", *LOB)
    assert proved.exit_code == 0, proved.out
    assert pipeline.sign(children[middle]["run_id"], "data_lead", "reject").exit_code == 0
    pipeline.ended(children[middle]["run_id"])
