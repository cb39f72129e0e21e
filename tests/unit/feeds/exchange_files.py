"""Small files of ours in the shapes of the exchange's publishers and of CMS's plan crosswalk."""

from files import Row, as_csv, read
from fivetier.feeds.reader import FeedBatch

ACA = "aca_exchange"
LANDSCAPE = "qhp_landscape"
ATTRIBUTES = "plan_attributes_puf"
NETWORKS = "network_puf"
AREAS = "service_area_puf"
CROSSWALK = "plan_id_crosswalk_puf"
MA_CROSSWALK = "cms_plan_crosswalk"

PLAN = "12345NM0010001"
NO_SUCCESSOR = "00000XX0000000"

Cells = dict[str, object]


def offered(**changes: object) -> Cells:
    """A landscape row in the headers of 2016."""
    return {
        "State Code": "NM",
        "County Name": "Bernalillo",
        "Metal Level": "Silver",
        "Issuer Name": "Example Health Plan of New Mexico",
        "Plan ID (Standard Component)": PLAN,
        "Plan Marketing Name": "Example Silver (HMO)",
        "Plan Type": "HMO",
        "Customer Service Phone Number Local": "555-0100",
    } | changes


def attributes(**changes: object) -> Cells:
    return {
        "BusinessYear": "2016",
        "StateCode": "NM",
        "IssuerId": "12345",
        "IssuerMarketPlaceMarketingName": "Example Health",
        "MarketCoverage": "Individual",
        "DentalOnlyPlan": "No",
        "PlanMarketingName": "Example Silver (HMO)",
        "NetworkId": "NMN001",
        "ServiceAreaId": "NMS001",
        "PlanType": "HMO",
        "MetalLevel": "Silver",
        "PlanId": f"{PLAN}-01",
    } | changes


def network(**changes: object) -> Cells:
    return {
        "BusinessYear": "2016",
        "StateCode": "NM",
        "IssuerId": "12345",
        "NetworkName": "Example Preferred",
        "NetworkId": "NMN001",
        "MarketCoverage": "",
        "DentalOnlyPlan": "",
    } | changes


def area(**changes: object) -> Cells:
    return {
        "BusinessYear": "2016",
        "StateCode": "AL",
        "IssuerId": "12345",
        "ServiceAreaId": "ALS001",
        "CoverEntireState": "No",
        "County": "1001.0",
        "PartialCounty": "No",
        "ZipCodes": "",
        "MarketCoverage": "Individual",
        "DentalOnlyPlan": "No",
        "DentalOnly": "",
    } | changes


def succession(**changes: object) -> Cells:
    """A crosswalk row of the exchange, from 2015 to 2016."""
    return {
        "State": "NM",
        "DentalPlan": "N",
        "PlanID_2015": PLAN,
        "IssuerID_2015": "12345",
        "FIPSCode": "35001",
        "ZipCode": "00000",
        "CrosswalkLevel": "0",
        "ReasonForCrosswalk": "0",
        "PlanID_2016": PLAN,
    } | changes


def moved(**changes: object) -> Cells:
    """A row of CMS's plan crosswalk."""
    return {
        "PREVIOUS_CONTRACT_ID": "H1234",
        "PREVIOUS_PLAN_ID": "001",
        "PREVIOUS_PLAN_NAME": "Example Medicare Choice (HMO)",
        "CURRENT_CONTRACT_ID": "H1234",
        "CURRENT_PLAN_ID": "001",
        "CURRENT_PLAN_NAME": "Example Medicare Choice (HMO)",
        "STATUS": "Renewal Plan",
    } | changes


def table(*rows: Cells, titles: Row = (), **how: str) -> bytes:
    """A delimited file; its header is that of the first row."""
    lines: list[Row] = [[title] for title in titles]
    return as_csv(*lines, list(rows[0]), *(list(row.values()) for row in rows), **how)


def read_rows(source: str, *rows: Cells, file_name: str = "feed_2016.csv", lob: str = ACA) -> FeedBatch:
    return read(source, table(*rows), file_name=file_name, lob=lob)


def suppressed(batch: FeedBatch) -> list[str]:
    found: list[str] = batch.suppressed.column("rule_id").to_pylist()
    return found


def column(batch: FeedBatch, name: str) -> list[object]:
    found: list[object] = batch.rows.column(name).to_pylist()
    return found
