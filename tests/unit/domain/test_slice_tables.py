"""Tables refuse what they do not know; a slice survives the way to tables and back."""

import string
from dataclasses import replace
from datetime import date

import pyarrow as pa
import pytest
from fivetier.domain.errors import DuplicateKey
from fivetier.domain.slice import Alias, Contract, ExternalId, Node, Origin, Slice
from fivetier.domain.tables import ALL_TABLES, CONTRACT, HIERARCHY_NODE, RELEASE_TABLES, Column, Table
from fivetier.domain.tiers import Lob
from hypothesis import given
from hypothesis import strategies as st
from worlds import LOB, SEEN, Deal, deals, publish, rows_of

SMALL = Table("small", "a table", ("id",), (Column("id", "text", "key"), Column("n", "int", "number", nullable=True)))
TEXT = st.text(string.printable + "éñ\u2019名", max_size=8)
DATES = st.dates(date(1990, 1, 1), date(2090, 1, 1))
ORIGINS = st.builds(
    Origin,
    source=TEXT,
    trace_id=TEXT,
    run_id=TEXT,
    observed_at=st.datetimes(SEEN.replace(year=2000), SEEN.replace(year=2090)),
)
MAYBE = st.none() | TEXT
YEARS = st.none() | st.integers(2000, 2100)
ENDS = st.none() | DATES
NODES = st.builds(
    Node, TEXT, st.integers(1, 5), MAYBE, TEXT, DATES, ORIGINS, state=MAYBE, plan_year=YEARS, plan_type=MAYBE,
    valid_to=ENDS, end_reason=MAYBE,
)  # fmt: skip
EXTERNAL = st.builds(ExternalId, TEXT, TEXT, TEXT, DATES, ORIGINS, plan_year=YEARS, valid_to=ENDS)
ALIASES = st.builds(Alias, TEXT, st.integers(1, 5), TEXT, TEXT, DATES, ORIGINS, valid_to=ENDS)
CONTRACTS = st.builds(
    Contract, TEXT, TEXT, TEXT, TEXT, TEXT, DATES, ORIGINS, marketing_name=MAYBE, effective_date=st.none() | DATES,
    valid_to=ENDS, end_reason=MAYBE,
)  # fmt: skip


def tuples(rows: st.SearchStrategy) -> st.SearchStrategy:  # type: ignore[type-arg]
    return st.lists(rows, max_size=4).map(tuple)


SLICES = st.builds(
    Slice, st.just(LOB), nodes=tuples(NODES), external_ids=tuples(EXTERNAL), aliases=tuples(ALIASES),
    contracts=tuples(CONTRACTS),
)  # fmt: skip


def test_a_table_refuses_a_column_it_does_not_know() -> None:
    with pytest.raises(ValueError, match=r"small: unknown column.*surprise"):
        SMALL.from_rows([{"id": "a", "surprise": 1}])


@pytest.mark.parametrize("row", [{"n": 1}, {"id": None, "n": 1}])
def test_a_table_refuses_null_where_it_never_is(row: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"small\.id is null"):
        SMALL.from_rows([{"id": "a"}, row])


def test_an_absent_nullable_column_is_null_and_an_empty_table_keeps_its_schema() -> None:
    assert SMALL.from_rows([{"id": "a"}]).to_pylist() == [{"id": "a", "n": None}]
    assert SMALL.from_rows([]).schema == SMALL.arrow_schema()


def test_a_number_that_does_not_fit_is_refused() -> None:
    with pytest.raises((pa.ArrowInvalid, OverflowError)):
        SMALL.from_rows([{"id": "a", "n": 2**31}])


@pytest.mark.parametrize("columns", [(Column("id", "text", ""),) * 2, (Column("other", "text", ""),)])
def test_a_table_cannot_repeat_a_column_or_key_an_unknown_one(columns: tuple[Column, ...]) -> None:
    with pytest.raises(ValueError, match="columns repeat"):
        Table("bad", "", ("id",), columns)


def test_every_column_has_a_meaning_and_keys_are_never_null() -> None:
    for table in ALL_TABLES:
        assert all(column.meaning for column in table.columns), table.name
        assert not [c.name for c in table.columns if c.nullable and c.name in table.key], table.name
        assert {"lob"} <= set(table.column_names), table.name


def test_every_row_of_a_release_can_be_traced() -> None:
    for table in RELEASE_TABLES:
        assert {"release_id", "source", "trace_id", "run_id", "observed_at", "valid_from", "valid_to"} <= set(
            table.column_names
        )


@given(SLICES)
def test_a_slice_reads_back_from_its_tables(slice_: Slice) -> None:
    tables = slice_.to_tables("release-1")
    assert rows_of(Slice.from_tables(LOB, tables)) == rows_of(slice_)
    assert all(set(t.column("release_id").to_pylist()) <= {"release-1"} for t in tables.values())
    assert all(set(t.column("lob").to_pylist()) <= {LOB.value} for t in tables.values())


@given(deals(), st.randoms(use_true_random=False))
def test_equal_slices_make_equal_tables_whatever_the_order_of_rows(market: list[Deal], random) -> None:  # type: ignore[no-untyped-def]
    slice_ = publish("2024_08", market)
    other = Slice(
        LOB,
        *(
            tuple(random.sample(rows, len(rows)))
            for rows in (slice_.nodes, slice_.external_ids, slice_.aliases, slice_.contracts)
        ),
    )
    assert other.to_tables("r") == slice_.to_tables("r")


@given(deals(), deals())
def test_the_stored_and_the_remembered_slice_resolve_alike(first: list[Deal], second: list[Deal]) -> None:
    remembered = publish("2024_08", first)
    stored = Slice.from_tables(LOB, remembered.to_tables("r"))
    assert rows_of(publish("2025_01", second, stored)) == rows_of(publish("2025_01", second, remembered))


def test_a_node_or_contract_that_is_live_twice_is_refused() -> None:
    slice_ = publish("2024_08", [Deal("H0001")])
    twice = replace(slice_, nodes=(*slice_.nodes, replace(slice_.nodes[0], name="other")))
    with pytest.raises(DuplicateKey) as refused:
        _ = twice.live_nodes
    assert (refused.value.table, refused.value.count) == (HIERARCHY_NODE.name, 1)
    with pytest.raises(DuplicateKey, match=f"{CONTRACT.name}: 1 rows"):
        _ = replace(slice_, contracts=slice_.contracts * 2).live_contracts


def test_an_ended_row_beside_a_live_one_is_history_not_a_duplicate() -> None:
    slice_ = publish("2024_08", [Deal("H0001")])
    ended = replace(slice_.nodes[0], valid_from=date(2020, 1, 1), valid_to=date(2021, 1, 1))
    assert replace(slice_, nodes=(*slice_.nodes, ended)).live_nodes == slice_.live_nodes


def test_lines_of_business_are_spelled_one_way() -> None:
    assert [lob.value for lob in Lob] == ["medicare_advantage", "aca_exchange", "medicaid", "commercial"]
