"""The readers on the exchange's own files, counted a second time by the csv module alone."""

import csv
import gzip
import io
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from fivetier.domain.errors import MissingColumn, WrongFileInSlot
from fivetier.domain.ids import SubVersion
from fivetier.domain.periods import parse_period, why_not_usable
from fivetier.feeds.mapping import mapping_of
from fivetier.feeds.reader import FeedBatch, read_feed

ROOT = os.environ.get("FIVETIER_REAL_DATA")
pytestmark = [pytest.mark.real, pytest.mark.skipif(ROOT is None, reason="FIVETIER_REAL_DATA is not set")]

LANDSCAPES = {
    "2014_QHP_Landscape_NM_Individual_Market_Medical.csv.gz": ("2014", 1_282, 45),
    "2015_QHP_Landscape_NM_Individual_Market_Medical.csv.gz": ("2015", 1_713, 88),
    "2016_QHP_Landscape_NM_Individual_Market_Medical.csv.gz": ("2016", 926, 34),
    "2016_QHP_Landscape_HI_Individual_Market_Medical.csv": ("2016", 84, 21),
}

Cells = dict[str, str]


def bytes_of(name: str) -> bytes:
    return (Path(ROOT or "") / "exchange" / name).read_bytes()


def by_hand(name: str) -> list[Cells]:
    data = bytes_of(name)
    text = (gzip.decompress(data) if name.endswith(".gz") else data).decode("utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def read_real(source: str, name: str) -> FeedBatch:
    batch = read_feed(bytes_of(name), file_name=name, mapping=mapping_of(source), run_id="real", lob="aca_exchange")
    assert batch.landed_rows == len(by_hand(name))
    assert batch.landed_rows == batch.rows.num_rows + batch.quarantined.num_rows + batch.suppressed.num_rows
    return batch


def reasons(batch: FeedBatch) -> Counter[str]:
    return Counter(batch.quarantined.column("reason_code").to_pylist())


def rules(batch: FeedBatch) -> Counter[str]:
    return Counter(batch.suppressed.column("rule_id").to_pylist())


def out_of_market(row: Cells) -> str | None:
    if row.get("MarketCoverage", "").startswith("SHOP"):
        return "ACA_SMALL_GROUP"
    dental = "Yes" in (row.get("DentalOnlyPlan"), row.get("DentalOnly")) or row.get("DentalPlan") == "Y"
    return "ACA_DENTAL_ONLY" if dental else None


def repeats(rows: list[Cells], key: Callable[[Cells], object]) -> int:
    return sum(count - 1 for count in Counter(map(key, rows)).values())


@pytest.mark.parametrize("name", sorted(LANDSCAPES))
def test_every_row_of_every_landscape_is_a_plan_in_a_county(name: str) -> None:
    year, count, plans = LANDSCAPES[name]
    batch, hand = read_real("qhp_landscape", name), by_hand(name)
    assert (str(batch.period), batch.rows.num_rows) == (year, count)
    state, county, _, issuer, plan, title, kind = list(hand[0])[:7]
    expected = [(row[state], row[county], row[issuer], row[plan], row[title], row[kind]) for row in hand]
    columns = ("state", "area", "legal_name", "plan_id", "plan_name", "plan_type")
    found = list(zip(*(batch.rows.column(column).to_pylist() for column in columns), strict=True))
    assert found == [tuple(" ".join(cell.split()) for cell in row) for row in expected]
    assert len({row[3] for row in found}) == plans
    assert set(batch.rows.column("plan_year").to_pylist()) == {int(year)}
    issuers = set(batch.rows.column("entity_id").to_pylist())
    assert issuers == {row[plan][:5] for row in hand}


def test_a_landscape_of_another_year_is_refused_for_a_run() -> None:
    batch = read_real("qhp_landscape", "2015_QHP_Landscape_NM_Individual_Market_Medical.csv.gz")
    months = {"2014_07": True, "2014_11": False, "2015_12": False, "2016_01": True}
    for month, refused in months.items():
        why = why_not_usable(parse_period(str(batch.period)), SubVersion.parse(month))
        assert (why is not None) is refused, month


@pytest.mark.parametrize(("year", "disagree"), [("2014", 10), ("2015", 0)])
def test_the_networks_of_a_year_tie(year: str, disagree: int) -> None:
    name = f"Network_PUF_{year}.csv"
    batch, hand = read_real("network_puf", name), by_hand(name)
    out = Counter(rule for row in hand if (rule := out_of_market(row)))
    left = [row for row in hand if out_of_market(row) is None]
    networks = {(row["IssuerId"], row["NetworkId"]) for row in left}
    assert str(batch.period) == year
    assert rules(batch) - Counter({"DUPLICATE_ROW": 10_000}) == out
    assert reasons(batch) == Counter({"ROWS_DISAGREE": disagree} if disagree else {})
    assert batch.rows.num_rows == len(networks) - disagree // 2
    assert rules(batch)["DUPLICATE_ROW"] == len(left) - len(networks) - disagree // 2
    assert {*zip(*(batch.rows.column(c).to_pylist() for c in ("entity_id", "network_id")), strict=True)} <= networks


def test_network_ids_repeat_across_issuers_in_reality() -> None:
    batch = read_real("network_puf", "Network_PUF_2015.csv")
    ids = batch.rows.column("network_id").to_pylist()
    assert len(set(ids)) < len(ids) / 3


def test_the_service_areas_of_a_stacked_sample_are_read_for_one_year() -> None:
    batch, hand = read_real("service_area_puf", "area_sample.csv.gz"), by_hand("area_sample.csv.gz")
    out = Counter(rule for row in hand if (rule := out_of_market(row)))
    left = [row for row in hand if out_of_market(row) is None]
    of_year = [row for row in left if row["BusinessYear"] == "2015"]
    twice = repeats(of_year, lambda row: tuple(row[c] for c in ("IssuerId", "ServiceAreaId", "County", "ZipCodes")))
    assert str(batch.period) == "2015"
    assert reasons(batch) == {"PERIOD_INVALID": len(left) - len(of_year)}
    assert rules(batch) == out + Counter({"DUPLICATE_ROW": twice})
    assert batch.rows.num_rows == len(of_year) - twice


def test_counties_get_their_zeros_back_and_a_whole_state_is_null() -> None:
    batch, hand = read_real("service_area_puf", "area_sample.csv.gz"), by_hand("area_sample.csv.gz")
    areas = dict(zip(batch.rows.column("row_number").to_pylist(), batch.rows.column("area").to_pylist(), strict=True))
    for number, found in areas.items():
        row = hand[number - 2]
        expected = None if row["CoverEntireState"] == "Yes" else f"{int(float(row['County'])):05}"
        assert found == expected
    assert None in areas.values()
    assert any(found is not None and found.startswith("0") for found in areas.values())


def test_the_crosswalk_of_a_stacked_sample_is_read_for_the_newer_pair() -> None:
    batch, hand = read_real("plan_id_crosswalk_puf", "cross_sample.csv.gz"), by_hand("cross_sample.csv.gz")
    left = [row for row in hand if out_of_market(row) is None]
    pair = {number: row for number, row in enumerate(hand, start=2) if row["PlanID_2016"] and row["DentalPlan"] == "N"}
    assert str(batch.period) == "2016"
    assert rules(batch) == {"ACA_DENTAL_ONLY": sum(row["DentalPlan"] == "Y" for row in hand)}
    assert reasons(batch) == {"CROSSWALK_PAIR_EMPTY": len(left) - len(pair)}
    assert batch.rows.column("row_number").to_pylist() == sorted(pair)
    statuses = ("same", "plan", "county", "zip", "discontinued", "withdrawn")
    for found in batch.rows.to_pylist():
        row = pair[found["row_number"]]
        assert found["plan_id"] == row["PlanID_2015"]
        assert found["next_plan_id"] == (None if row["PlanID_2016"].startswith("00000XX") else row["PlanID_2016"])
        assert found["crosswalk_status"] == statuses[int(row["CrosswalkLevel"])]
        assert found["area"] == row["FIPSCode"].zfill(5)
        assert found["zip_code"] == (None if row["ZipCode"] == "0" else row["ZipCode"].zfill(5))


def test_the_older_pair_alone_is_read_for_its_own_year() -> None:
    hand = [row for row in by_hand("cross_sample.csv.gz") if row["PlanID_2014"]]
    names = [name for name in hand[0] if name and "2016" not in name]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(hand)
    batch = read_feed(
        text.getvalue().encode(),
        file_name="crosswalk.csv",
        mapping=mapping_of("plan_id_crosswalk_puf"),
        run_id="real",
        lob="aca_exchange",
    )
    medical = [row for row in hand if row["DentalPlan"] == "N"]
    assert (str(batch.period), batch.rows.num_rows, batch.quarantined.num_rows) == ("2015", len(medical), 0)
    assert set(batch.rows.column("plan_year").to_pylist()) == {2015}


def test_no_real_file_is_taken_in_the_slot_of_another() -> None:
    names = {
        "qhp_landscape": "2016_QHP_Landscape_HI_Individual_Market_Medical.csv",
        "network_puf": "Network_PUF_2014.csv",
        "service_area_puf": "area_sample.csv.gz",
        "plan_id_crosswalk_puf": "cross_sample.csv.gz",
        "plan_attributes_puf": "cost_sample.csv.gz",
    }
    for slot in names:
        for source, name in names.items():
            if slot != source or source == "plan_attributes_puf":
                with pytest.raises((WrongFileInSlot, MissingColumn)):
                    read_feed(bytes_of(name), file_name=name, mapping=mapping_of(slot), run_id="r", lob="aca_exchange")
