"""The data dictionary people read is the one the tables are made from."""

import pytest
from fivetier.domain.findings import RULES
from fivetier.domain.tables import RELEASE, RELEASE_TABLES, Table

from infra.settings import ROOT
from infra.sql.catalog import VIEWS

ANALYSTS = (ROOT / "docs" / "analysts.md").read_text(encoding="utf-8")
REVIEWERS = (ROOT / "docs" / "reviewers.md").read_text(encoding="utf-8")


def entry(table: Table) -> str:
    lines = [f"### `{table.name}`", "", f"{table.meaning} Key: {', '.join(f'`{key}`' for key in table.key)}.", ""]
    lines += ["| Column | Type | Meaning |", "|---|---|---|"]
    lines += [f"| `{c.name}` | {c.type}{', null allowed' if c.nullable else ''} | {c.meaning} |" for c in table.columns]
    return "\n".join(lines)


@pytest.mark.parametrize("table", [*RELEASE_TABLES, RELEASE], ids=lambda table: table.name)
def test_every_published_table_is_described_as_it_is(table: Table) -> None:
    assert entry(table) in ANALYSTS, f"put this into docs/analysts.md:\n{entry(table)}"


def test_every_view_is_named() -> None:
    assert [view.name for view in VIEWS if f"`{view.name}`" not in ANALYSTS] == []


def test_every_finding_is_listed_with_its_severity() -> None:
    missing = [
        rule.code for rule in RULES.values() if f"| `{rule.code}` | {rule.severity} | {rule.title} |" not in REVIEWERS
    ]
    assert missing == []
