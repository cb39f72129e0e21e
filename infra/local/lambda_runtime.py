"""One Lambda execution environment: a worker process and its Runtime API.

AWS's runtime interface client (`awslambdaric`) runs in the worker and talks
to the small HTTP server here, so exceptions, their names and the log format
are AWS's own work and not a copy of it.
"""

from __future__ import annotations

import json
import os
import queue
import select
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from infra.local.faults import When

_BOOTSTRAP = Path(__file__).with_name("lambda_bootstrap.py")
_POLL_SECONDS = 0.05
_KEPT_ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "LANG", "SSL_CERT_FILE", "SYSTEMROOT")


@dataclass(frozen=True)
class FunctionSpec:
    """Everything that makes two invocations share an environment."""

    name: str
    arn: str
    handler: str
    code_dir: Path
    layer_dirs: tuple[Path, ...]
    environment: Mapping[str, str] = field(hash=False)
    timeout_seconds: float
    memory_mb: int

    def key(self) -> str:
        """A key that changes when code, layers or configuration change."""
        return json.dumps([str(value) for value in vars(self).values()])


@dataclass(frozen=True)
class InvocationResult:
    """What the caller of an invocation gets."""

    payload: bytes
    is_error: bool
    log: str


@dataclass(frozen=True)
class _Job:
    request_id: str
    payload: bytes
    deadline: float


class _RuntimeServer(ThreadingHTTPServer):
    """The Runtime API endpoint of one environment."""

    daemon_threads = True

    def __init__(self, function_arn: str) -> None:
        super().__init__(("127.0.0.1", 0), _RuntimeHandler)
        self.function_arn = function_arn
        self.jobs: queue.Queue[_Job | None] = queue.Queue()
        self.results: queue.Queue[tuple[bool, bytes]] = queue.Queue()
        self.polling = threading.Event()


class _RuntimeHandler(BaseHTTPRequestHandler):
    """The four Runtime API calls `awslambdaric` makes."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _RuntimeServer

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent: every invocation would write a line."""

    def do_GET(self) -> None:
        """`invocation/next`: hand out the next job, waiting for one."""
        self.server.polling.set()
        job = self.server.jobs.get()
        if job is None:
            self.close_connection = True
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": job.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(job.deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": self.server.function_arn,
            "Content-Type": "application/json",
            "Content-Length": str(len(job.payload)),
        }
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(job.payload)

    def do_POST(self) -> None:
        """`invocation/<id>/response`, `invocation/<id>/error` or `init/error`."""
        body = self._read_body()
        self.server.results.put((self.path.endswith("/error"), body))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _read_body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)


class _LogReader:
    """Copies a worker's output to the function's log file and keeps a tail."""

    def __init__(self, descriptor: int, log_file: Path) -> None:
        self._descriptor, self._log_file = descriptor, log_file
        self._lock = threading.Lock()
        self._unread: list[bytes] = []
        self._thread = threading.Thread(target=self._copy, daemon=True)
        self._thread.start()

    def wait_until_ended(self) -> None:
        """Wait for the end of the output, which the worker's death brings."""
        self._thread.join(timeout=1)

    def _copy(self) -> None:
        with self._log_file.open("ab", buffering=0) as log:
            while True:
                select.select([self._descriptor], [], [])
                with self._lock:
                    data = os.read(self._descriptor, 65536)
                    self._unread.append(data)
                if not data:
                    return
                log.write(data)

    def take(self) -> str:
        """The output since the last call.

        A response can overtake the last log lines, which travel through
        another pipe: wait until that pipe is empty.
        """
        while b"" not in self._unread and select.select([self._descriptor], [], [], 0)[0]:
            time.sleep(0.001)
        with self._lock:
            lines = b"".join(self._unread)
            self._unread = [b""] if b"" in self._unread else []
        return lines.decode(errors="replace")


class ExecutionEnvironment:
    """A worker process that serves one invocation at a time."""

    def __init__(self, spec: FunctionSpec, log_dir: Path) -> None:
        self.spec = spec
        self._server = _RuntimeServer(spec.arn)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_BOOTSTRAP)],
            env=self._process_environment(),
            cwd=spec.code_dir,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        if self._process.stdout is None:
            raise RuntimeError("a worker process without output pipe")
        self._output = self._process.stdout
        self._log = _LogReader(self._output.fileno(), log_dir / f"{spec.name}.log")

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether the worker can serve another invocation."""
        return self._process.poll() is None

    def invoke(self, payload: bytes, request_id: str, fault: When | None) -> InvocationResult:
        """Run the handler once, dying at the asked moment if `fault` says so."""
        deadline = time.time() + self.spec.timeout_seconds
        if fault == "before":
            self._wait_until_polling(deadline)
            self._kill()
        else:
            self._server.jobs.put(_Job(request_id, payload, deadline))
        is_error, body = self._await_result(request_id, deadline, die_after=fault == "after")
        return InvocationResult(payload=body, is_error=is_error, log=self._log.take())

    def close(self) -> None:
        """End the worker and its Runtime API."""
        self._kill()
        self._server.jobs.put(None)
        self._server.shutdown()
        self._server.server_close()
        self._log.wait_until_ended()
        self._output.close()

    def _wait_until_polling(self, deadline: float) -> None:
        while self.is_alive() and time.time() < deadline:
            if self._server.polling.wait(_POLL_SECONDS):
                return

    def _await_result(self, request_id: str, deadline: float, *, die_after: bool) -> tuple[bool, bytes]:
        while True:
            try:
                result = self._server.results.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                if not self.is_alive() and self._server.results.empty():
                    return True, self._exit_error(request_id)
                if time.time() > deadline:
                    self._kill()
                    return True, self._timeout_error(request_id)
                continue
            if die_after:
                self._kill()
                return True, self._exit_error(request_id)
            return result

    def _exit_error(self, request_id: str) -> bytes:
        code = self._process.wait()
        how = f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        if code == -signal.SIGKILL:
            how = "signal: killed"
        return _error("Runtime.ExitError", request_id, f"Runtime exited with error: {how}")

    def _timeout_error(self, request_id: str) -> bytes:
        seconds = f"{self.spec.timeout_seconds:.2f}"
        return _error("Sandbox.Timedout", request_id, f"Task timed out after {seconds} seconds")

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _process_environment(self) -> dict[str, str]:
        """The worker's environment: AWS's variables, nothing of the developer's shell."""
        kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
        layers = [str(path / "python") for path in self.spec.layer_dirs]
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return {
            **kept,
            **self.spec.environment,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": self.spec.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.spec.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{self.spec.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": uuid.uuid4().hex,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}",
            # There is no X-Ray daemon here; without this every call is noted as untraceable.
            "POWERTOOLS_TRACE_DISABLED": "true",
            "LAMBDA_TASK_ROOT": str(self.spec.code_dir),
            "_HANDLER": self.spec.handler,
            "FIVETIER_WORKER_PARENT": str(os.getpid()),
            "FIVETIER_WORKER_LAYERS": os.pathsep.join(layers),
            "PYTHONUNBUFFERED": "1",
        }


def _error(name: str, request_id: str, message: str) -> bytes:
    return json.dumps({"errorType": name, "errorMessage": f"RequestId: {request_id} Error: {message}"}).encode()
