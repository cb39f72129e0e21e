"""Start, find and stop the local stack.

The emulator is one process that also serves the test issuer. `stack.json` in
the state folder says where it is. Before anything is ended or used, the
process must answer with the instance id written there: a process id alone may
belong to somebody else after a reboot.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from infra.local import issuer
from infra.local.errors import (
    ForeignProcess,
    PortInUse,
    StackAlreadyRunning,
    StackDidNotStart,
    StackNotRunning,
)
from infra.local.front_door import front_door_url
from infra.local.guard import FAULTS_PATH, HEALTH_PATH

REGION: Final = "us-east-1"
_STATE_FILE: Final = "stack.json"
_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 20.0
_PAUSE_SECONDS: Final = 0.05
_ANSWER_SECONDS: Final = 2.0
_PROJECT_ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class StackRecord:
    """What `stack.json` holds."""

    instance: str
    pid: int
    endpoint_url: str
    issuer_url: str
    started_at: str
    outputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    # Records of older stacks lack it.
    front_door_url: str = ""


class LocalStack:
    """A running local stack."""

    def __init__(self, state_dir: Path, record: StackRecord, process: subprocess.Popen[bytes] | None = None) -> None:
        self.state_dir = state_dir
        self._record = record
        self._process = process

    @classmethod
    def start(cls, state_dir: Path, *, port: int = 0, detach: bool = False) -> Self:
        """Start a stack on the state of `state_dir` and wait until it answers.

        Args:
            state_dir: where state, logs and `stack.json` are kept; made if missing.
            port: the emulator's port; 0 takes that of the last start if it is
                free, as stored addresses name it, or any free one.
            detach: let the stack outlive this process (the CLI does).

        Raises:
            StackAlreadyRunning: the state folder has a live stack.
            ForeignProcess: the recorded process lives but is not ours.
            PortInUse: the port is taken.
            StackDidNotStart: the emulator ended or stayed silent; its log says why.
        """
        state_dir = state_dir.resolve()
        state_dir.mkdir(parents=True, exist_ok=True)
        last = _read_record(state_dir)
        if last is not None:
            _refuse_if_live(state_dir, last)
        endpoint_port = _choose_port(port, last.endpoint_url if last else None)
        issuer_port = _choose_port(0, last.issuer_url if last else None, taken=(endpoint_port,))
        door_port = _choose_port(0, last.front_door_url if last else None, taken=(endpoint_port, issuer_port))
        record = StackRecord(
            instance=uuid.uuid4().hex,
            pid=0,
            endpoint_url=f"http://127.0.0.1:{endpoint_port}",
            issuer_url=f"http://127.0.0.1:{issuer_port}",
            started_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            outputs=last.outputs if last else {},
            front_door_url=front_door_url(door_port),
        )
        process = _launch(state_dir, record, detach=detach)
        stack = cls(state_dir, replace(record, pid=process.pid), process)
        try:
            stack._write_record()
            stack._wait_until_healthy(process)
        except BaseException:
            stack.stop()
            raise
        return stack

    @classmethod
    def attach(cls, state_dir: Path) -> Self:
        """The stack that runs on this state folder.

        Raises:
            StackNotRunning: none does.
            ForeignProcess: the recorded process lives but is not ours.
        """
        state_dir = state_dir.resolve()
        record = _read_record(state_dir)
        if record is None or not _is_alive(record.pid):
            raise StackNotRunning(state_dir=state_dir)
        if not _answers(record):
            raise ForeignProcess(state_dir=state_dir, endpoint_url=record.endpoint_url, pid=record.pid)
        return cls(state_dir, record)

    def stop(self) -> None:
        """End the stack cleanly; its state is saved."""
        _signal(self.pid, signal.SIGTERM)
        if not self._ended_within(_STOP_SECONDS):
            _signal(self.pid, signal.SIGKILL)
            self._ended_within(_STOP_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def endpoint_url(self) -> str:
        """Where the emulated AWS answers."""
        return self._record.endpoint_url

    @property
    def issuer_url(self) -> str:
        """The OIDC issuer."""
        return self._record.issuer_url

    @property
    def front_door_url(self) -> str:
        """Where people open the pages."""
        return self._record.front_door_url

    @property
    def pid(self) -> int:
        """The emulator's process id."""
        return self._record.pid

    @property
    def outputs(self) -> Mapping[str, Mapping[str, str]]:
        """Stack outputs of the last deployment, by stack name."""
        return self._record.outputs

    def record_outputs(self, outputs: Mapping[str, Mapping[str, str]]) -> None:
        """Keep the outputs of a deployment in `stack.json`."""
        self._record = replace(self._record, outputs=outputs)
        self._write_record()

    def token_for(self, login: str) -> str:
        """A signed ID token of one of `issuer.LOGINS`."""
        return issuer.token_for(login, issuer_url=self.issuer_url)

    def arm_fault(self, function: str, when: str, times: int = 1) -> None:
        """Kill the next invocations of a function, `before` or `after` its work."""
        body = {"function": function, "when": when, "times": times}
        _request("POST", f"{self.endpoint_url}{FAULTS_PATH}", body)

    def clear_faults(self) -> None:
        """Disarm every fault."""
        _request("DELETE", f"{self.endpoint_url}{FAULTS_PATH}")

    def _write_record(self) -> None:
        temporary = self.state_dir / f"{_STATE_FILE}.new"
        temporary.write_text(json.dumps(asdict(self._record), indent=2) + "\n", encoding="utf-8")
        temporary.replace(self.state_dir / _STATE_FILE)

    def _wait_until_healthy(self, process: subprocess.Popen[bytes]) -> None:
        log_file = _log_file(self.state_dir)
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(self._record):
            if process.poll() is not None:
                reason = f"the emulator ended with status {process.returncode}"
                raise StackDidNotStart(reason=reason, log_file=log_file)
            if time.monotonic() > deadline:
                reason = f"not healthy after {_START_SECONDS:.0f} seconds"
                raise StackDidNotStart(reason=reason, log_file=log_file)
            time.sleep(_PAUSE_SECONDS)

    def _ended_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while _is_alive(self.pid):
            if time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE_SECONDS)
        if self._process is not None:
            self._process.wait()
        return True


def env_for(stack: LocalStack) -> dict[str, str]:
    """The environment in which boto3 and the AWS CLI talk to the stack only."""
    return {
        "AWS_ENDPOINT_URL": stack.endpoint_url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _launch(state_dir: Path, record: StackRecord, *, detach: bool) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "infra.local.server",
        f"--port={_port_of(record.endpoint_url)}",
        f"--issuer-port={_port_of(record.issuer_url)}",
        f"--front-door-port={_port_of(record.front_door_url)}",
        f"--state={state_dir}",
        f"--instance={record.instance}",
    ]
    if not detach:
        command.append(f"--parent={os.getpid()}")
    log_file = _log_file(state_dir)
    log_file.parent.mkdir(exist_ok=True)
    with log_file.open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=_PROJECT_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _log_file(state_dir: Path) -> Path:
    return state_dir / "logs" / "emulator.log"


def _read_record(state_dir: Path) -> StackRecord | None:
    try:
        return StackRecord(**json.loads((state_dir / _STATE_FILE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def _refuse_if_live(state_dir: Path, record: StackRecord) -> None:
    if not _is_alive(record.pid):
        return
    facts: dict[str, Any] = {
        "state_dir": state_dir,
        "endpoint_url": record.endpoint_url,
        "pid": record.pid,
    }
    raise StackAlreadyRunning(**facts) if _answers(record) else ForeignProcess(**facts)


def _choose_port(wanted: int, last_url: str | None, taken: Collection[int] = ()) -> int:
    if wanted:
        if not _is_free(wanted):
            raise PortInUse(port=wanted)
        return wanted
    last = _port_of(last_url) if last_url else 0
    if last and last not in taken and _is_free(last):
        return last
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port not in taken and _is_free(port):
            return port


def _port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1])


def loopback_hosts() -> list[str]:
    """The addresses `localhost` stands for on this machine."""
    return ["127.0.0.1", *(["::1"] if _can_bind("::1", 0) else [])]


def _is_free(port: int) -> bool:
    return all(_can_bind(host, port) for host in loopback_hosts())


def _can_bind(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # As the server binds: a port in TIME_WAIT is free, one listened on is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_ended_child(pid)


def _is_ended_child(pid: int) -> bool:
    """Whether the process is a child of ours that ended and was not waited for."""
    if not hasattr(os, "waitid"):
        return False
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return False


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _answers(record: StackRecord) -> bool:
    """Whether the process at the endpoint is the recorded one."""
    try:
        health = _request("GET", f"{record.endpoint_url}{HEALTH_PATH}")
    except (OSError, ValueError):
        return False
    return health.get("instance") == record.instance


def _request(method: str, url: str, body: object = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method)
    # A proxy of the developer's shell must not see loopback traffic.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=_ANSWER_SECONDS) as response:
        answer: dict[str, Any] = json.load(response)
    return answer
