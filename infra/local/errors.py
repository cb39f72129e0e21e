"""Errors of the local stack.

LocalStackError
├── StackNotRunning        nothing to talk to; `fivetier up` starts it
├── StackAlreadyRunning    this state folder already has a live stack
├── ForeignProcess         stack.json names a process that is not our stack
├── PortInUse              somebody else listens on the wanted port
├── StackDidNotStart       the emulator ended, or was not healthy in time
├── LoginFailed            the test issuer gave no ID token
├── AssemblyFailed         CDK did not synthesize the template
├── AssemblyInvalid        cdk.out lacks a file, or holds what we cannot read
├── DeploymentFailed       CloudFormation refused a stack, and why
├── UnsupportedDefinition  a state machine asks for what is not emulated
├── InvalidDefinition      a state machine AWS would refuse too
├── UnsupportedSql         Athena SQL that is not translated faithfully
└── QueryFailed            Athena SQL that Athena would fail too
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class LocalStackError(Exception):
    """Base of every error the local stack raises."""


class StackNotRunning(LocalStackError):
    """No live stack belongs to the state folder."""

    def __init__(self, *, state_dir: Path) -> None:
        self.state_dir = state_dir
        super().__init__(f"the local stack of {state_dir} is not running: run `fivetier up`")


class StackAlreadyRunning(LocalStackError):
    """A live stack already owns the state folder."""

    def __init__(self, *, state_dir: Path, endpoint_url: str, pid: int) -> None:
        self.state_dir, self.endpoint_url, self.pid = state_dir, endpoint_url, pid
        super().__init__(
            f"the local stack of {state_dir} already runs at {endpoint_url} (process {pid}): "
            "use it, or run `fivetier down` first"
        )


class ForeignProcess(LocalStackError):
    """The recorded process lives but does not answer as our stack."""

    def __init__(self, *, state_dir: Path, endpoint_url: str, pid: int) -> None:
        self.state_dir, self.endpoint_url, self.pid = state_dir, endpoint_url, pid
        super().__init__(
            f"process {pid} lives but does not answer as the local stack at {endpoint_url}: "
            f"it is not ours or it hangs, so it was left alone; end it yourself if it is, "
            f"or remove {state_dir / 'stack.json'}"
        )


class PortInUse(LocalStackError):
    """Another process listens on the port."""

    def __init__(self, *, port: int) -> None:
        self.port = port
        super().__init__(
            f"port {port} on 127.0.0.1 is taken by another process: "
            "choose another port, or leave it out and a free one is used"
        )


class StackDidNotStart(LocalStackError):
    """The emulator ended early or did not become healthy."""

    def __init__(self, *, reason: str, log_file: Path) -> None:
        self.reason, self.log_file = reason, log_file
        super().__init__(f"the local stack did not start: {reason}; see {log_file}")


class LoginFailed(LocalStackError):
    """The test issuer refused a login."""

    def __init__(self, *, login: str, issuer_url: str, reason: str) -> None:
        self.login, self.issuer_url, self.reason = login, issuer_url, reason
        super().__init__(f"no ID token for {login!r} from {issuer_url}: {reason}")


class AssemblyFailed(LocalStackError):
    """CDK did not synthesize the template."""

    def __init__(self, *, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the template was not synthesized: {reason}")


class AssemblyInvalid(LocalStackError):
    """A synthesized assembly cannot be deployed as it is."""

    def __init__(self, *, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


class DeploymentFailed(LocalStackError):
    """CloudFormation did not create or update a stack."""

    def __init__(self, *, stack_name: str, status: str, failures: Sequence[str]) -> None:
        self.stack_name, self.status, self.failures = stack_name, status, tuple(failures)
        details = "; ".join(self.failures) or "no resource reported a reason"
        super().__init__(f"stack {stack_name} ended {status}: {details}")


class InvalidDefinition(LocalStackError):
    """A state machine definition AWS refuses as well."""

    def __init__(self, *, code: str, reason: str, location: str) -> None:
        self.code, self.reason, self.location = code, reason, location
        super().__init__(f"{code}: {reason} at {location}")


class UnsupportedDefinition(InvalidDefinition):
    """A valid definition that needs what the local stack does not emulate."""

    def __init__(self, *, feature: str, location: str) -> None:
        self.feature = feature
        super().__init__(
            code="NOT_SUPPORTED_LOCALLY",
            reason=f"the local stack does not emulate {feature}",
            location=location,
        )


class QueryFailed(LocalStackError):
    """A statement Athena would fail too; the message starts with its error name."""

    def __init__(self, *, code: str, reason: str) -> None:
        self.code, self.reason = code, reason
        super().__init__(f"{code}: {reason}")


class UnsupportedSql(QueryFailed):
    """Valid Athena SQL that the local stack refuses rather than answer wrongly."""

    def __init__(self, *, feature: str, advice: str = "") -> None:
        self.feature, self.advice = feature, advice
        super().__init__(
            code="NOT_SUPPORTED_LOCALLY",
            reason=f"{feature} is not translated faithfully" + (f"; {advice}" if advice else ""),
        )
