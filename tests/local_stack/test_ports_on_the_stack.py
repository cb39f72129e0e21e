"""The ports' contract suites once more, over the local stack: real conflicts, real conditions, real queries."""

from collections.abc import Iterator

import pytest
from fivetier.aws import clients

from infra.local.stack import LocalStack
from tests.contract.sides import moto
from tests.contract.sides import stack as side
from tests.contract.suites.audit import AuditSuite
from tests.contract.suites.catalog import CatalogSuite
from tests.contract.suites.lake import LakeSuite
from tests.contract.suites.mail import MailSuite
from tests.contract.suites.runs import LeasesSuite, OutboxSuite, RunRecordsSuite
from tests.contract.suites.sign_offs import SignOffsSuite
from tests.contract.suites.staging import StagingSuite

# awswrangler 3.17 concatenates query pages with an argument pandas 3 has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")


@pytest.fixture(scope="module", autouse=True)
def clients_of_the_stack(stack: LocalStack) -> Iterator[None]:
    """Clients made here talk to the stack; nobody else gets them."""
    moto.client.cache_clear()
    clients.client.cache_clear()
    yield
    moto.client.cache_clear()
    clients.client.cache_clear()


@pytest.fixture
def scene(request: pytest.FixtureRequest) -> object:
    """The suite's scene on the stack."""
    return side.scene(request)


class TestStaging(StagingSuite): ...


class TestAudit(AuditSuite): ...


class TestRunRecords(RunRecordsSuite): ...


class TestLeases(LeasesSuite): ...


class TestOutbox(OutboxSuite): ...


class TestSignOffs(SignOffsSuite): ...


class TestLake(LakeSuite): ...


class TestCatalog(CatalogSuite): ...


class TestMail(MailSuite): ...
