"""Every port in memory, in one world with one clock."""

from tests.fakes.edges import FakeCatalog, FakeClock, FakeExecutions, FakeMailer, FakeVerifier
from tests.fakes.lake import FakeLake
from tests.fakes.runs import FakeRuns
from tests.fakes.stores import FakeAudit, FakeLanding, FakeStaging

__all__ = ["FakeClock", "World"]


class World:
    """The `fivetier.app.world.Ports` of a test: hand it to a use case, reach into it to set a scene or to look."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.landing = FakeLanding(self.clock)
        self.staging = FakeStaging(self.clock)
        self.lake = FakeLake(self.staging)
        self.catalog = FakeCatalog()
        self.runs = FakeRuns()
        self.audit = FakeAudit()
        self.executions = FakeExecutions()
        self.mailer = FakeMailer()
        self.verifier = FakeVerifier()
