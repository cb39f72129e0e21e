"""Every code a run can give has words people read."""

import ast
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from fivetier.domain.findings import RULES as FINDINGS
from fivetier.feeds.mapping import known_mappings
from fivetier.web import words

_CODE = ("reason_code", "missing_code", "rule_id")


def _codes_in_python() -> Iterator[str]:
    """Codes readers and resolvers give by themselves: arguments, and constants of a module named like their text."""
    folder = Path(str(resources.files("fivetier")))
    for path in [*folder.joinpath("feeds").glob("*.py"), *folder.joinpath("domain").glob("*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg in _CODE and isinstance(node.value, ast.Constant):
                yield str(node.value.value)
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                named = [target.id for target in node.targets if isinstance(target, ast.Name)]
                if named == [node.value.value]:
                    yield str(node.value.value)


def _reasons() -> set[str]:
    fields = [field for mapping in known_mappings().values() for field in mapping.fields]
    found = {code for field in fields for code in (field.reason_code, field.missing_code)}
    found |= {rule.reason_code for mapping in known_mappings().values() for rule in mapping.one_per}
    return found | set(_codes_in_python())


def test_codes_are_found_in_code() -> None:
    assert {"ISSUER_NOT_IN_RUN", "PLAN_NOT_IN_RUN", "ENTITY_UNNAMED", "PLAN_STATE_DISAGREES"} <= set(_codes_in_python())


def test_every_reason_a_row_is_quarantined_for_has_words() -> None:
    assert sorted(_reasons() - words.REASONS.keys()) == []


def test_every_rule_that_keeps_rows_out_has_words() -> None:
    rules = {rule.rule_id for mapping in known_mappings().values() for rule in mapping.suppress}
    assert sorted((rules | {"DUPLICATE_ROW"}) - words.RULES.keys()) == []


@pytest.mark.parametrize("code", FINDINGS)
def test_every_finding_says_what_to_make_of_it(code: str) -> None:
    assert words.HINTS[code].endswith(".")
