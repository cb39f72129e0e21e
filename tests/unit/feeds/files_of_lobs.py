"""Small files of ours as Medicaid, clearinghouses, payers and issuers publish them."""

from files import Row, as_csv, as_json

MEDICAID = "medicaid_managed_care"
STEDI = "stedi_payer_directory"
AVAILITY = "availity_payer_list"
TIC = "tic_table_of_contents"
QHP = "qhp_plans_json"

LOB_OF = {MEDICAID: "medicaid", STEDI: "commercial", AVAILITY: "commercial", TIC: "commercial", QHP: "aca_exchange"}

MEDICAID_HEADER: Row = (
    "State",
    "Notes",
    "Program Name",
    "Plan Name",
    "Geographic Region",
    "Medicaid-Only Enrollment ",
    "Dual Enrollment",
    "Total Enrollment",
    "Year",
    "Parent Organization",
)


def program_row(**changes: object) -> list[object]:
    """A row of the enrollment report; `changes` go by the snake_case headers of its other rendering."""
    row: dict[str, object] = {
        "state": "Ohio",
        "notes": "",
        "program_name": "Example Care (Comprehensive MCO)",
        "plan_name": "Example Community Plan",
        "geographic_region": "Statewide",
        "medicaidonly_enrollment": "4,157",
        "dual_enrollment": "0",
        "total_enrollment": "4,157",
        "year": "2021",
        "parent_organization": "Example Health Group",
    }
    assert changes.keys() <= row.keys()
    return list((row | changes).values())


def medicaid(*rows: Row) -> bytes:
    return as_csv(MEDICAID_HEADER, *rows)


def payer(**changes: object) -> dict[str, object]:
    return {
        "stediId": "EXMPL",
        "displayName": "Example Health Plan of Ohio",
        "primaryPayerId": "00123",
        "aliases": ["00123", "EXHP1"],
        "names": ["Example HP"],
        "transactionSupport": {"eligibilityCheck": "SUPPORTED"},
        "coverageTypes": ["medical"],
    } | changes


def stedi(*payers: object) -> bytes:
    return as_json(list(payers))


def availity(*payers: object) -> bytes:
    return as_json({"totalCount": len(payers), "count": len(payers), "offset": 0, "payers": list(payers)})


def availity_payer(**changes: object) -> dict[str, object]:
    routes = [{"submissionMode": "API", "enrollmentRequired": False}]
    return {"name": "EXAMPLE HEALTH", "payerId": "EXH", "displayName": "EXH", "processingRoutes": routes} | changes


def reporting_plan(**changes: object) -> dict[str, object]:
    return {
        "plan_name": "Example Employer PPO",
        "plan_id_type": "EIN",
        "plan_id": "12-3456789",
        "plan_market_type": "group",
    } | changes


def network_file(**changes: object) -> dict[str, object]:
    return {"description": "Example Choice rates", "location": "https://example.com/a.json?signature=secret"} | changes


def structure(*plans: object, files: object = None) -> dict[str, object]:
    return {
        "reporting_plans": list(plans),
        "in_network_files": [network_file()] if files is None else files,
        "allowed_amount_file": {"description": "allowed", "location": "https://example.com/b.json"},
    }


def contents(*structures: object, **changes: object) -> bytes:
    head = {"reporting_entity_name": "Example Health Group", "reporting_entity_type": "health insurance issuer"}
    return as_json(head | {"last_updated_on": "2025-07-01", "reporting_structure": list(structures)} | changes)


def qhp_plan(**changes: object) -> dict[str, object]:
    return {
        "plan_id_type": "HIOS-PLAN-ID",
        "plan_id": "12345OH0010001",
        "marketing_name": "Example Gold Plan",
        "plan_contact": "contactperson@example.com",
        "years": [2025],
        "network": [{"network_tier": "PREFERRED"}, {"network_tier": "NON-PREFERRED"}],
        "formulary": [{"drug_tier": "GENERIC", "cost_sharing": [{"copay_amount": 20.0}]}],
        "last_updated_on": "2025-06-12",
    } | changes


def plans_json(*plans: object) -> bytes:
    return as_json(list(plans))
