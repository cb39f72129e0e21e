"""docs/sources.md names every source and every rule that keeps rows out."""

import re
from pathlib import Path

from fivetier.feeds.mapping import known_mappings

PAGE = (Path(__file__).parents[3] / "docs" / "sources.md").read_text("utf-8")


def test_the_page_names_every_slot_and_every_rule() -> None:
    named = set(re.findall(r"`([A-Za-z0-9_.]+)`", PAGE))
    mappings = known_mappings().values()
    assert named >= {mapping.name for mapping in mappings}
    assert named >= {rule.rule_id for mapping in mappings for rule in mapping.suppress}
