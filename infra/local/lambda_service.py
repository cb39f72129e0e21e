"""Puts the worker processes behind ministack's Lambda service.

ministack keeps functions, versions, layers and event source mappings; only
running the code is replaced. Its own executor names every exception
`Runtime.HandlerError`, which no Retry or Catch of ours would match.
"""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ministack.core import concurrency, lambda_runtime
from ministack.core.responses import request_scope
from ministack.services import dynamodb, lambda_svc

from infra.local import iam
from infra.local.faults import FaultRegistry
from infra.local.iam_requests import Need
from infra.local.lambda_pool import EnvironmentPool
from infra.local.lambda_runtime import FunctionSpec


class CodeStore:
    """Unpacked zips, one folder per content: code and layers never change in place."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()

    def unpack(self, content: bytes) -> Path:
        """The folder that holds the zip's files."""
        target = self._root / hashlib.sha256(content).hexdigest()[:24]
        with self._lock:
            if not target.is_dir():
                partial = target.with_suffix(".partial")
                zipfile.ZipFile(io.BytesIO(content)).extractall(partial)
                partial.rename(target)
        return target


class LambdaExecutor:
    """Runs one invocation for ministack, in its shape of function and result."""

    def __init__(self, *, endpoint_url: str, code: CodeStore, pool: EnvironmentPool) -> None:
        self._endpoint_url, self._code, self._pool = endpoint_url, code, pool

    def execute(self, function: Mapping[str, Any], event: object, request_id: str) -> dict[str, Any]:
        """Stand-in for `lambda_svc._execute_function_warm`."""
        config = function.get("config") or function
        runtime = str(config.get("Runtime", ""))
        if not function.get("code_zip") or not runtime.startswith("python"):
            return _refused(f"the local stack runs zipped Python functions only, not {runtime!r}")
        spec = self._spec(config, function["code_zip"])
        result = self._pool.invoke(spec, json.dumps(event).encode(), request_id)
        answer: dict[str, Any] = {
            "body": json.loads(result.payload) if result.payload else None,
            "log": result.log,
        }
        return {**answer, "error": True} if result.is_error else answer

    def _spec(self, config: Mapping[str, Any], code_zip: bytes) -> FunctionSpec:
        layers = [lambda_svc._resolve_layer_zip(layer) for layer in config.get("Layers", [])]
        _, region = lambda_runtime._account_region_from_function_config(config)
        return FunctionSpec(
            name=config["FunctionName"],
            arn=config["FunctionArn"],
            handler=config["Handler"].replace("/", "."),
            code_dir=self._code.unpack(code_zip),
            # A layer that is not in the emulator is a published third-party one:
            # its packages are installed beside us, so it is left out.
            layer_dirs=tuple(self._code.unpack(layer) for layer in layers if layer),
            environment={
                "AWS_ENDPOINT_URL": self._endpoint_url,
                **lambda_svc._runtime_env_vars(config),
                **lambda_runtime.execution_credentials(config),
                "AWS_REGION": region,
                "AWS_DEFAULT_REGION": region,
            },
            timeout_seconds=config.get("Timeout", 3),
            memory_mb=config.get("MemorySize", 128),
        )


def _refused(message: str) -> dict[str, Any]:
    return {"error": True, "log": message, "body": {"errorType": "Runtime.NotSupported", "errorMessage": message}}


def _wake_pollers_on_stream_writes() -> None:
    """Let a DynamoDB stream record wake its Lambda at once.

    ministack polls mappings once a second unless woken, and wakes them for
    SQS and Kinesis only. A sign-off must not wait a second for each hop.
    """
    emit = dynamodb._emit_stream_event

    def emit_and_wake(*args: Any, **kwargs: Any) -> Any:
        result = emit(*args, **kwargs)
        concurrency.esm_wake.set()
        return result

    dynamodb._emit_stream_event = emit_and_wake


def _read_streams_as_the_function() -> None:
    """Let a mapping read a table's stream only if its function's role may, as Lambda's poller does."""
    mappings = lambda_svc._iter_all_esms

    def readable() -> Iterator[tuple[str, str, dict[str, Any]]]:
        for account_id, region, mapping in mappings():
            if mapping.get("EventSourceArn", "").split(":")[2:3] == ["dynamodb"]:
                with request_scope(account_id, region):
                    refused = _stream_refusal(mapping)
                if refused:
                    mapping["LastProcessingResult"] = f"PROBLEM: {refused}"
                    continue
            yield account_id, region, mapping

    lambda_svc._iter_all_esms = readable


def _stream_refusal(mapping: Mapping[str, Any]) -> str:
    """Why a mapping's function may not read its stream; empty if it may."""
    stream, name = mapping["EventSourceArn"], mapping["FunctionName"]
    config = (lambda_svc._functions.get(name) or {}).get("config")
    if config is None:
        return ""
    reads = [Need(f"dynamodb:{action}", stream) for action in ("DescribeStream", "GetRecords", "GetShardIterator")]
    try:
        iam.demand(config["Role"], name, *reads, Need("dynamodb:ListStreams", "*"))
    except iam.Refused as refused:
        return str(refused)
    return ""


def install(*, state_dir: Path, endpoint_url: str, faults: FaultRegistry) -> EnvironmentPool:
    """Replace ministack's Lambda executor; the pool is the caller's to close."""
    pool = EnvironmentPool(state_dir / "logs", faults)
    executor = LambdaExecutor(endpoint_url=endpoint_url, code=CodeStore(state_dir / "lambda-code"), pool=pool)
    lambda_svc._execute_function_warm = executor.execute
    _wake_pollers_on_stream_writes()
    _read_streams_as_the_function()
    return pool
