"""Every suite on the fakes and on the AWS adapters over moto."""

from tests.contract.suites.audit import AuditSuite
from tests.contract.suites.catalog import CatalogSuite
from tests.contract.suites.executions import ExecutionsSuite
from tests.contract.suites.lake import LakeSuite
from tests.contract.suites.landing import LandingSuite
from tests.contract.suites.mail import MailSuite
from tests.contract.suites.runs import LeasesSuite, OutboxSuite, RunRecordsSuite
from tests.contract.suites.sign_offs import SignOffsSuite
from tests.contract.suites.staging import StagingSuite


class TestLanding(LandingSuite): ...


class TestStaging(StagingSuite): ...


class TestAudit(AuditSuite): ...


class TestRunRecords(RunRecordsSuite): ...


class TestLeases(LeasesSuite): ...


class TestOutbox(OutboxSuite): ...


class TestSignOffs(SignOffsSuite): ...


class TestLake(LakeSuite): ...


class TestCatalog(CatalogSuite): ...


class TestExecutions(ExecutionsSuite): ...


class TestMail(MailSuite): ...
