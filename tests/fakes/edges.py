"""Clock, state machines, mail, issuer and staged catalog, in memory."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from fivetier.app.records import Mail
from fivetier.domain.errors import NotAuthenticated
from fivetier.domain.signoff import Person
from fivetier.domain.tables import Table


class FakeClock:
    """A clock that stands still until somebody moves it, or moves a little each time it is read."""

    def __init__(self, start: datetime = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)) -> None:
        self._now = start
        self.tick = timedelta()

    def now(self) -> datetime:
        self._now += self.tick
        return self._now

    def set(self, moment: datetime) -> None:
        self._now = moment.astimezone(UTC)

    def advance(self, **duration: float) -> None:
        """`advance(days=1, seconds=3)`."""
        self._now += timedelta(**duration)


class FakeExecutions:
    """State machines that run nothing: `wait` opens a task, `end` closes an execution and its task."""

    def __init__(self) -> None:
        self.started: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, dict[str, Any]] = {}
        self._open: set[str] = set()
        self._failures: dict[str, dict[str, str]] = {}
        self._waiting: dict[str, str] = {}

    def start(self, lob: str, run_id: str, payload: Mapping[str, Any]) -> None:
        if run_id not in self.started:
            self.started[run_id] = {"lob": lob, **payload}
            self._open.add(run_id)

    def is_open(self, lob: str, run_id: str) -> bool:
        return run_id in self._open

    def failure(self, lob: str, run_id: str) -> dict[str, str]:
        return self._failures.get(run_id, {})

    def resume(self, token: str, output: Mapping[str, Any]) -> bool:
        return self._answer(token, {"output": dict(output)})

    def refuse(self, token: str, error: str, cause: str) -> bool:
        return self._answer(token, {"error": error, "cause": cause})

    def wait(self, run_id: str, token: str) -> None:
        """The execution reaches its wait state."""
        self._waiting[token] = run_id

    def end(self, run_id: str, **failure: str) -> None:
        """The execution ends, with Error and Cause if it failed, and with it whatever it waits for."""
        self._open.discard(run_id)
        self._failures[run_id] = failure
        self._waiting = {token: waiting for token, waiting in self._waiting.items() if waiting != run_id}

    def _answer(self, token: str, answer: dict[str, Any]) -> bool:
        if self._waiting.pop(token, None) is None:
            return False
        self.answers[token] = answer
        return True


class FakeVerifier:
    """Knows the people it was told about."""

    def __init__(self) -> None:
        self._people: dict[str, Person] = {}

    def log_in(self, login: str, *roles: str, name: str = "") -> str:
        """The Authorization header of a person who holds these roles."""
        header = f"Bearer token-of-{login}"
        self._people[header] = Person(login=login, roles=frozenset(roles), name=name)
        return header

    def verify(self, authorization: str | None) -> Person:
        if authorization is None:
            raise NotAuthenticated("no bearer token was sent")
        if authorization not in self._people:
            raise NotAuthenticated("the token is malformed")
        return self._people[authorization]


class FakeMailer:
    """Keeps what is sent; with `is_down` it takes nothing."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []
        self.is_down = False

    def send(self, mail: Mail) -> None:
        if self.is_down:
            raise ConnectionError("the mail service does not answer")
        self.sent.append(mail)


class FakeCatalog:
    """Remembers which folder each staged table shows of a LOB."""

    def __init__(self) -> None:
        self.registered: dict[str, dict[str, str]] = {}

    def register(self, table: Table, *, lob: str, sub_version: str, key: str) -> str:
        name = f"tmp_{table.name}_{sub_version}"
        self.registered.setdefault(name, {})[lob] = key.rsplit("/", 1)[0] + "/"
        return name
