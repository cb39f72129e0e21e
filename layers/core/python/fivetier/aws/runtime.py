"""The ports as a deployed function has them."""

from functools import cache

from fivetier.app import ports as app_ports
from fivetier.aws import wiring


class AwsPorts:
    """Every port on AWS; an adapter is built when first asked for."""

    @property
    def clock(self) -> app_ports.Clock:
        """The time."""
        return wiring.clock()

    @property
    def landing(self) -> app_ports.LandingStore:
        """Landed files."""
        return wiring.landing()

    @property
    def staging(self) -> app_ports.StagingStore:
        """What runs write before anybody signed."""
        return wiring.staging()

    @property
    def lake(self) -> app_ports.Lake:
        """Production."""
        return wiring.lake()

    @property
    def catalog(self) -> app_ports.StagedCatalog:
        """Staged tables for reviewers' queries."""
        return wiring.catalog()

    @property
    def runs(self) -> app_ports.RunStore:
        """Run records, leases, sign-offs and the outbox."""
        return wiring.runs()

    @property
    def audit(self) -> app_ports.AuditStore:
        """The audit chain."""
        return wiring.audit()

    @property
    def executions(self) -> app_ports.Executions:
        """The state machines."""
        return wiring.executions()

    @property
    def mailer(self) -> app_ports.Mailer:
        """Mail to people."""
        return wiring.mailer()

    @property
    def verifier(self) -> app_ports.TokenVerifier:
        """The issuer's tokens."""
        return wiring.verifier()


@cache
def ports() -> AwsPorts:
    """The one set of ports of this process."""
    return AwsPorts()
