"""What every test shares: where the real files are, and that nothing is skipped where it must run."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no fault of the code: speed lives in benchmarks.
settings.register_profile("fivetier", deadline=None)
settings.load_profile("fivetier")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real public files, or a skip where nobody has them."""
    folder = os.environ.get("FIVETIER_REAL_DATA")
    if not folder:
        pytest.skip("FIVETIER_REAL_DATA is not set: no real files here")
    return Path(folder)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item):  # type: ignore[no-untyped-def]
    """With FIVETIER_NO_SKIP a skipped test is a failed one."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("FIVETIER_NO_SKIP") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and here nothing may be: {report.longrepr}"
