"""What `fivetier explain` finds and says, over the same tables the views are tested on."""

from datetime import date, datetime

import pytest
from fivetier.domain.tables import CONTRACT, EXTERNAL_ID, NODE_ALIAS

from fivetier_cli.explaining import lines_of
from fivetier_cli.lookup import explain, find
from tests.infra.lake_sql import Lake, Row, node, published, row

MA, ACA, OLD = "medicare_advantage/ma-2", "aca_exchange/aca-1", "medicare_advantage/ma-1"
Y2025, Y2026 = date(2025, 1, 1), date(2026, 1, 1)
PARENT, SUBSIDIARY, PLAN, ENDED = "aa11bb" + "0" * 26, "cc22dd" + "0" * 26, "ee33ff" + "0" * 26, "ee33ff" + "1" * 26


def _id(release: str, key: str, system: str, value: str) -> Row:
    lob, release_id = release.split("/")
    values = {"node_id": key, "id_system": system, "id_value": value, "valid_from": Y2025}
    return row(EXTERNAL_ID, lob=lob, release_id=release_id, **values)


def _alias(release: str, key: str, tier: int, alias: str) -> Row:
    lob, release_id = release.split("/")
    return row(
        NODE_ALIAS, lob=lob, release_id=release_id, node_id=key, tier=tier, alias=alias, name=alias, valid_from=Y2025
    )


@pytest.fixture(scope="module")
def lake() -> Lake:
    """A parent of two lines of business, renamed in 2026; a plan, and one that ended; an old release nobody sees."""
    nodes = [
        node(MA, PARENT, 1, None, Y2025, Y2026, name="Aetna Inc."),
        node(MA, PARENT, 1, None, Y2026, name="CVS Health Corporation"),
        node(ACA, PARENT, 1, None, Y2025, name="CVS Health Corporation"),
        node(MA, SUBSIDIARY, 2, PARENT, Y2025, name="Aetna Life's"),
        node(MA, "line", 3, SUBSIDIARY, Y2025, name="Medicare Advantage"),
        node(MA, PLAN, 4, "line", Y2025, name="Gold", plan_type="HMO", plan_year=2026, trace_id="abcdef-7"),
        node(MA, ENDED, 4, "line", Y2025, Y2026, name="Gold", end_reason="terminated"),
        node(OLD, "withdrawn", 4, "line", Y2025, name="Withdrawn"),
    ]
    ids = [
        _id(MA, PLAN, "cms_contract_pbp", "H1234-001"),
        _id(MA, ENDED, "cms_contract_pbp", "H1234-002"),
        _id(MA, SUBSIDIARY, "hios_issuer", "12345"),
    ]
    aliases = [
        _alias(MA, PARENT, 1, "aetna inc"),
        _alias(MA, PARENT, 1, "cvs health corporation"),
        _alias(MA, SUBSIDIARY, 2, "aetna life s"),
    ]
    contract = {"lob": "medicare_advantage", "release_id": "ma-2", "contract_id": "H1234", "lob_node_id": "line"}
    releases = [published(key, at=datetime.fromisoformat("2026-02-01")) for key in (MA, ACA)]
    contracts = [row(CONTRACT, valid_from=Y2025, **contract)]
    return Lake(nodes=nodes, releases=releases, ids=ids, contracts=contracts, aliases=aliases)


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        (PARENT, [PARENT]),
        ("AA11BB", [PARENT]),
        ("ee33ff", [PLAN, ENDED]),
        ("H1234-001", [PLAN]),
        (" h1234-001 ", [PLAN]),
        ("12345", [SUBSIDIARY]),
        ("H1234", ["line"]),
        ("AETNA, inc", [PARENT]),
        ("Aetna Life's", [SUBSIDIARY]),
        ("CVS Health Corp", [PARENT]),
        ("gold", [PLAN, ENDED]),
        ("Medicare Advantage", []),
        ("Withdrawn", []),
        ("nobody' OR '1'='1", []),
        ("%", []),
    ],
)
def test_a_node_is_found_by_id_by_name_and_by_a_name_that_agrees(lake: Lake, asked: str, meant: list[str]) -> None:
    assert [match.node_id for match in find(asked, lake.query)] == meant


def test_the_path_is_that_of_the_day_asked_for(lake: Lake) -> None:
    (match,) = find("H1234-001", lake.query)
    for day, parent in (("2025-06-01", "Aetna Inc."), ("2026-06-01", "CVS Health Corporation")):
        (part,) = explain(match, day, lake.query)["lines_of_business"]
        assert part["holds"]
        assert [step["name"] for step in part["path"]] == [parent, "Aetna Life's", "Medicare Advantage", "Gold"]
        assert [step["tier"] for step in part["path"]] == [1, 2, 3, 4]


def test_a_parent_of_two_lines_of_business_is_told_in_each(lake: Lake) -> None:
    (match,) = find("Aetna Inc.", lake.query)
    parts = {part["lob"]: part for part in explain(match, "2025-06-01", lake.query)["lines_of_business"]}
    assert {lob: part["path"][0]["name"] for lob, part in parts.items()} == {
        "medicare_advantage": "Aetna Inc.",
        "aca_exchange": "CVS Health Corporation",
    }
    assert [r["valid_to"] for r in parts["medicare_advantage"]["history"]] == ["2026-01-01", None]


def test_what_ended_says_so_and_shows_where_it_last_stood(lake: Lake) -> None:
    (match,) = find("H1234-002", lake.query)
    found = explain(match, "2026-06-01", lake.query)
    (part,) = found["lines_of_business"]
    assert not part["holds"] and part["path"][0]["name"] == "Aetna Inc."
    for shown in part["history"]:
        shown |= {"file": "plans.csv", "row_number": 7}
    text = "\n".join(lines_of(found))
    assert "Does not hold on 2026-06-01" in text and "ended: terminated" in text
    assert "cms_contract_pbp     H1234-002" in text and "plans.csv row 7" in text
