"""Where a run's objects lie (DECISIONS, Names). One function per kind of object."""

from fivetier.domain.tables import Table


def normalized_key(run_id: str, source: str) -> str:
    """Accepted rows of one source."""
    return f"staging/{run_id}/normalized_row/{source}.parquet"


def quarantine_key(run_id: str, part: str) -> str:
    """Refused rows found by one step; written for failed runs too, never part of the signed slice."""
    return f"quarantine/{run_id}/quarantine/{part}.parquet"


def suppressed_key(run_id: str, source: str) -> str:
    """Rows of one source that a rule keeps out."""
    return f"quarantine/{run_id}/suppressed/{source}.parquet"


def feed_ledger_key(run_id: str, source: str) -> str:
    """What became of one landed file."""
    return f"staging/{run_id}/_feeds/{source}.json"


def table_key(run_id: str, table: Table) -> str:
    """One staged table of the candidate."""
    return f"staging/{run_id}/{table.name}/part-00000.parquet"


def resolution_key(run_id: str) -> str:
    """What resolving brought to light, beside the rows."""
    return f"staging/{run_id}/_evidence/resolution.json"


def report_key(run_id: str) -> str:
    """The frozen report."""
    return f"staging/{run_id}/report.json"


def manifest_key(run_id: str) -> str:
    """The manifest people sign."""
    return f"staging/{run_id}/manifest.json"
