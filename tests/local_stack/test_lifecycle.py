"""Starting, finding and stopping a stack."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.local.errors import (
    ForeignProcess,
    PortInUse,
    StackAlreadyRunning,
    StackDidNotStart,
    StackNotRunning,
)
from infra.local.stack import LocalStack, _is_alive, env_for
from tests.support.emulator import ROLE, eventually, make_role_any, zipped

WAIT = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": True}}}


def client(stack: LocalStack, service: str) -> Any:
    env = env_for(stack)
    return boto3.client(
        service,
        endpoint_url=env["AWS_ENDPOINT_URL"],
        region_name=env["AWS_REGION"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
    )


def fill(stack: LocalStack) -> str:
    """Something in each store; returns an execution that waits."""
    s3 = client(stack, "s3")
    s3.create_bucket(Bucket="kept", ObjectLockEnabledForBucket=True)
    for body in (b"old", b"new"):
        s3.put_object(
            Bucket="kept",
            Key="k",
            Body=body,
            ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=dt.datetime.now(dt.UTC) + dt.timedelta(days=1),
        )
    dynamodb = client(stack, "dynamodb")
    dynamodb.create_table(
        TableName="kept", BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )  # fmt: skip
    dynamodb.put_item(TableName="kept", Item={"pk": {"S": "k"}})
    client(stack, "glue").create_database(DatabaseInput={"Name": "kept"})
    make_role_any(client(stack, "iam"))
    _add_stream_function(stack)
    sfn = client(stack, "stepfunctions")
    machine = sfn.create_state_machine(name="kept", definition=json.dumps(WAIT), roleArn=ROLE)
    return sfn.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]


def _add_stream_function(stack: LocalStack) -> None:
    """A function with a layer that copies stream records into the table `copied`."""
    dynamodb, functions = client(stack, "dynamodb"), client(stack, "lambda")
    for name in ("source", "copied"):
        dynamodb.create_table(
            TableName=name, BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        )  # fmt: skip
    layer = functions.publish_layer_version(
        LayerName="core", Content={"ZipFile": zipped({"python/target.py": "TABLE = 'copied'"})}
    )["LayerVersionArn"]
    code = """
import boto3, target
def handler(event, context):
    for record in event["Records"]:
        boto3.client("dynamodb").put_item(TableName=target.TABLE, Item=record["dynamodb"]["Keys"])
"""
    functions.create_function(
        FunctionName="copy", Runtime="python3.13", Role=ROLE, Handler="h.handler", Layers=[layer],
        Timeout=10, Code={"ZipFile": zipped({"h.py": code})},
    )  # fmt: skip
    stream = dynamodb.describe_table(TableName="source")["Table"]["LatestStreamArn"]
    functions.create_event_source_mapping(EventSourceArn=stream, FunctionName="copy", StartingPosition="TRIM_HORIZON")


def test_state_survives_down_and_up(state_dir: Path) -> None:
    with LocalStack.start(state_dir) as stack:
        execution = fill(stack)
        stack.record_outputs({"data": {"Bucket": "kept"}})
        places = (stack.endpoint_url, stack.issuer_url, stack.front_door_url)
    with LocalStack.start(state_dir) as stack:
        assert (stack.endpoint_url, stack.issuer_url, stack.front_door_url) == places
        assert stack.outputs == {"data": {"Bucket": "kept"}}
        s3 = client(stack, "s3")
        assert s3.get_object(Bucket="kept", Key="k")["Body"].read() == b"new"
        versions = s3.list_object_versions(Bucket="kept", Prefix="k")["Versions"]
        bodies = [
            s3.get_object(Bucket="kept", Key="k", VersionId=each["VersionId"])["Body"].read() for each in versions
        ]
        assert sorted(bodies) == [b"new", b"old"]
        for each in versions:
            with pytest.raises(ClientError, match="AccessDenied"):
                s3.delete_object(Bucket="kept", Key="k", VersionId=each["VersionId"])
        assert client(stack, "dynamodb").scan(TableName="kept")["Count"] == 1
        assert client(stack, "glue").get_database(Name="kept")["Database"]["Name"] == "kept"
        dynamodb = client(stack, "dynamodb")
        dynamodb.put_item(TableName="source", Item={"pk": {"S": "after the restart"}})
        eventually(lambda: dynamodb.scan(TableName="copied")["Count"] == 1)
        # What waited died with the restart, and says so.
        ended = client(stack, "stepfunctions").describe_execution(executionArn=execution)
        assert ended["status"] == "FAILED"


def test_a_record_of_an_older_stack_is_taken_up(state_dir: Path) -> None:
    with LocalStack.start(state_dir) as stack:
        kept = stack.endpoint_url
    file = state_dir / "stack.json"
    content = json.loads(file.read_text())
    del content["front_door_url"]
    file.write_text(json.dumps(content))
    with LocalStack.start(state_dir) as stack:
        assert stack.endpoint_url == kept
        assert stack.front_door_url.startswith("http://localhost:")


def test_a_running_stack_is_found_and_not_started_twice(stack: LocalStack) -> None:
    found = LocalStack.attach(stack.state_dir)
    assert (found.endpoint_url, found.pid) == (stack.endpoint_url, stack.pid)
    with pytest.raises(StackAlreadyRunning, match=str(stack.pid)):
        LocalStack.start(stack.state_dir)


def test_no_stack_is_a_clear_error(state_dir: Path) -> None:
    with pytest.raises(StackNotRunning, match="run `fivetier up`"):
        LocalStack.attach(state_dir)


def test_a_taken_port_is_a_clear_error(state_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=str(port)):
            LocalStack.start(state_dir, port=port)


def record(state_dir: Path, pid: int) -> None:
    state_dir.mkdir(parents=True)
    content = {
        "instance": "gone", "pid": pid, "endpoint_url": "http://127.0.0.1:9",
        "issuer_url": "http://127.0.0.1:9", "started_at": "2026-01-01T00:00:00+00:00", "outputs": {},
    }  # fmt: skip
    (state_dir / "stack.json").write_text(json.dumps(content))


def test_a_dead_process_is_no_stack(state_dir: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    record(state_dir, process.pid)
    with pytest.raises(StackNotRunning):
        LocalStack.attach(state_dir)


def test_a_foreign_process_is_neither_used_nor_ended(state_dir: Path) -> None:
    """After a reboot the recorded id may be anybody's."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        record(state_dir, process.pid)
        with pytest.raises(ForeignProcess, match=str(process.pid)):
            LocalStack.attach(state_dir)
        with pytest.raises(ForeignProcess):
            LocalStack.start(state_dir)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_an_emulator_that_ends_early_names_its_log(
    state_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken-python"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr("infra.local.stack.sys.executable", str(broken))
    with pytest.raises(StackDidNotStart, match=r"status 3; see .*emulator\.log"):
        LocalStack.start(state_dir)


def test_an_interrupted_start_leaves_nothing_running(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_stack: LocalStack, _process: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LocalStack, "_wait_until_healthy", interrupt)
    with pytest.raises(KeyboardInterrupt):
        LocalStack.start(state_dir, detach=True)
    assert not _is_alive(json.loads((state_dir / "stack.json").read_text())["pid"])


@pytest.mark.parametrize("detach", [False, True])
def test_a_stack_outlives_its_starter_only_if_detached(state_dir: Path, detach: bool) -> None:
    code = (
        "import sys; from pathlib import Path; from infra.local.stack import LocalStack\n"
        f"print(LocalStack.start(Path(sys.argv[1]), detach={detach}).pid)"
    )
    root = Path(__file__).resolve().parents[2]
    starter = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(state_dir)],
        cwd=root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    pid = int(starter.stdout)
    try:
        if detach:
            time.sleep(1.2)
            LocalStack.attach(state_dir).stop()
        eventually(lambda: not _is_alive(pid), seconds=8)
    finally:
        if _is_alive(pid):
            os.kill(pid, signal.SIGKILL)
