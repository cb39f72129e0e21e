"""Whatever the bytes: a named refusal, or a batch in which every landed row is accounted for."""

from exchange_files import (
    AREAS,
    ATTRIBUTES,
    CROSSWALK,
    LANDSCAPE,
    MA_CROSSWALK,
    NETWORKS,
    PLAN,
    area,
    attributes,
    moved,
    network,
    offered,
    succession,
    table,
)
from files import (
    AEQUALIS,
    AEQUALIS_HEADER,
    DIRECTORY,
    DIRECTORY_HEADER,
    MONTHLY,
    aequalis,
    as_csv,
    as_gzip,
    as_json,
    as_xlsx,
    as_zip,
    contract,
    directory,
    insight,
    monthly,
    plan,
    read,
)
from files_of_lobs import (
    AVAILITY,
    MEDICAID,
    MEDICAID_HEADER,
    QHP,
    STEDI,
    TIC,
    availity,
    availity_payer,
    contents,
    medicaid,
    payer,
    plans_json,
    program_row,
    qhp_plan,
    reporting_plan,
    stedi,
    structure,
)
from fivetier.domain.errors import InputError
from fivetier.feeds.mapping import mapping_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_feed_formats import parquet

ROWS = [contract("H1234"), contract("H1234"), contract("X0001"), contract("nonsense"), contract("90091")]
JSON = [{"CONTRACT_ID": n, "Plan ID": p, "Plan Type": "HMO"} for n, p in (("H1", 1), ("H1234", None), ("S1234", "7"))]
VALID = (
    (DIRECTORY, directory(*ROWS)),
    (DIRECTORY, as_csv(["June 2025"], DIRECTORY_HEADER, *ROWS, ["Total"], delimiter=";", encoding="utf-16")),
    (DIRECTORY, as_xlsx([["June 2025"], DIRECTORY_HEADER, *ROWS])),
    (DIRECTORY, as_zip(a_dot_csv=directory(*ROWS))),
    (MONTHLY, monthly(plan(), plan("S1234"), plan("H5678", ""))),
    (MONTHLY, as_json(JSON)),
    (MONTHLY, as_gzip(as_json(JSON))),
    (AEQUALIS, aequalis(insight(), insight(lob="medicaid"))),
    (AEQUALIS, parquet([*AEQUALIS_HEADER], insight(), insight(state="KY"))),
    (LANDSCAPE, table(offered(), offered(), offered(**{"State Code": "TX"}), offered(**{"County Name": "Catron"}))),
    (ATTRIBUTES, table(attributes(), attributes(PlanId=f"{PLAN}-04"), attributes(DentalOnlyPlan="Yes"))),
    (NETWORKS, table(network(), network(NetworkName="Another"), network(BusinessYear="2015"))),
    (AREAS, table(area(), area(CoverEntireState="Yes", County=""), area(County=""))),
    (CROSSWALK, table(succession(), succession(PlanID_2016=""), succession(DentalPlan="Y"))),
    (MA_CROSSWALK, table(moved(), moved(STATUS="New Plan", PREVIOUS_PLAN_ID="NEW"), delimiter="\t")),
    (MEDICAID, medicaid(program_row(), program_row(year="2020"), program_row(program_name="A (B)"))),
    (STEDI, stedi(payer(), payer(displayName="Medicaid Ohio", primaryPayerId="7"), payer(primaryPayerId=None))),
    (AVAILITY, availity(availity_payer(), availity_payer(name="Other"))),
    (TIC, contents(structure(reporting_plan(), reporting_plan(plan_id="x")), structure())),
    (QHP, plans_json(qhp_plan(), qhp_plan(years=[2024, 2025], plan_id=None))),
)
SOURCES = st.sampled_from(sorted({source for source, _ in VALID}))
MAGICS = st.sampled_from([b"PK\x03\x04", b"\x1f\x8b\x08", b"PAR1", b"[{", b"\xff\xfe", b"{"])
SEPARATORS = st.sampled_from([b",", b'"', b"\n", b"\r\n", b"\0", b"\xe9"])
LAW = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def holds(source: str, data: bytes) -> None:
    try:
        batch = read(source, data, file_name="feed_2016.csv", lob=mapping_of(source).lobs[0])
    except InputError as refused:
        assert str(refused)
        return
    tables = (batch.rows, batch.quarantined, batch.suppressed)
    assert batch.landed_rows == sum(table.num_rows for table in tables)
    traces = [trace for table in tables for trace in table.column("trace_id").to_pylist()]
    assert len(set(traces)) == batch.landed_rows


@LAW
@given(SOURCES, st.binary(max_size=400))
def test_arbitrary_bytes_are_refused_by_name(source: str, data: bytes) -> None:
    holds(source, data)


@LAW
@given(SOURCES, st.text(max_size=400))
def test_arbitrary_text_is_refused_by_name(source: str, text: str) -> None:
    holds(source, text.encode("utf-8", "replace"))


@LAW
@given(SOURCES, MAGICS, st.binary(max_size=200))
def test_arbitrary_bytes_behind_a_magic_are_refused_by_name(source: str, magic: bytes, data: bytes) -> None:
    holds(source, magic + data)


@LAW
@given(st.sampled_from(VALID), st.data())
def test_a_mutated_file_is_refused_or_ties(valid: tuple[str, bytes], data: st.DataObject) -> None:
    source, original = valid
    mutated = bytearray(original)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(mutated)))
        upto = min(len(mutated), at + data.draw(st.integers(0, 30)))
        mutated[at:upto] = data.draw(st.binary(max_size=20) | SEPARATORS)
    holds(source, bytes(mutated))


@LAW
@given(st.sampled_from(VALID), st.data())
def test_a_cut_file_is_refused_or_ties(valid: tuple[str, bytes], data: st.DataObject) -> None:
    source, original = valid
    holds(source, original[: data.draw(st.integers(0, len(original)))])


@LAW
@given(st.sampled_from([VALID[0], VALID[1]]), st.data())
def test_one_fault_anywhere_never_brings_contact_data_into_quarantine(
    valid: tuple[str, bytes], data: st.DataObject
) -> None:
    source, original = valid
    codec = "utf-16" if original.startswith(b"\xff\xfe") else "utf-8"
    text = original.decode(codec)
    at = data.draw(st.integers(0, len(text)))
    lost = data.draw(st.integers(0, 1))
    faulty = text[:at] + data.draw(st.sampled_from(["", ",", ";", '"', "\n", "x"])) + text[at + lost :]
    try:
        batch = read(source, faulty.encode(codec))
    except InputError as refused:
        assert "contactperson" not in str(refused).casefold()
        return
    assert "contactperson" not in str(batch.quarantined.to_pylist()).casefold()


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
json_keys = st.sampled_from(["CONTRACT_ID", "Plan ID", "Plan Type", "Plan Type ", "Enrollment", "contact", "x"])


@LAW
@given(st.lists(st.dictionaries(json_keys, json_values, max_size=6) | json_values, max_size=6))
def test_any_json_list_is_refused_or_ties(rows: list[object]) -> None:
    holds(MONTHLY, as_json([{"CONTRACT_ID": "H1234", "Plan ID": "1", "Plan Type": "HMO"}, *rows]))


nested_keys = st.sampled_from(
    ["reporting_plans", "in_network_files", "network_name", "plan_id", "description", "years"]
)
nested = st.recursive(
    json_values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(nested_keys, inner, max_size=4),
    max_leaves=8,
)


@LAW
@given(st.lists(nested, max_size=5))
def test_any_nested_json_is_refused_or_ties(items: list[object]) -> None:
    holds(TIC, contents(structure(reporting_plan()), *items))
    holds(QHP, plans_json(qhp_plan(), *items))


@LAW
@given(st.lists(st.lists(st.text(max_size=12), min_size=9, max_size=11), max_size=5))
def test_any_cells_of_a_state_report_are_placed_somewhere(cells: list[list[str]]) -> None:
    text = as_csv(MEDICAID_HEADER, program_row(), *cells).decode("utf-8", "replace")
    holds(MEDICAID, text.encode())


@LAW
@given(st.lists(st.lists(st.text(max_size=12), min_size=12, max_size=14), max_size=5))
def test_any_cells_are_placed_somewhere(cells: list[list[str]]) -> None:
    text = as_csv(DIRECTORY_HEADER, contract(), *cells).decode("utf-8", "replace")
    holds(DIRECTORY, text.encode())


exchange_cells = st.sampled_from(
    ["", "NM", "TX", "12345", PLAN, f"{PLAN}-01", "2015", "2016", "Yes", "No", "0", "4", "9"]
)


@LAW
@given(st.sampled_from(VALID[-6:]), st.lists(st.lists(exchange_cells, min_size=1, max_size=14), max_size=6))
def test_any_known_values_in_any_column_are_placed_or_stop_the_run(
    valid: tuple[str, bytes], cells: list[list[str]]
) -> None:
    source, original = valid
    delimiter = "\t" if source == MA_CROSSWALK else ","
    width = original.splitlines()[0].count(delimiter.encode()) + 1
    rows = [(row * width)[:width] for row in cells]
    holds(source, original + as_csv(*rows, delimiter=delimiter))
