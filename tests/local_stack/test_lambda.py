"""Lambda: what our handlers rely on."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator import ROLE, Aws, eventually, make_role_any, unique, zipped

ECHO = "def handler(event, context):\n    return event\n"
FAILING = """
class BaseMoved(Exception):
    pass

def handler(event, context):
    raise BaseMoved("the base moved")
"""


@pytest.fixture(scope="module")
def failing(aws: Aws) -> str:
    return aws.function(FAILING)


@pytest.fixture
def faults(aws: Aws) -> Any:
    yield aws.stack
    aws.stack.clear_faults()


def test_the_error_type_is_the_exception_class(aws: Aws, failing: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html."""
    error, payload = aws.invoke(failing)
    assert error == "Unhandled"
    assert (payload["errorType"], payload["errorMessage"]) == ("BaseMoved", "the base moved")


def test_a_module_that_does_not_import_fails_the_invocation(aws: Aws) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html."""
    _, payload = aws.invoke(aws.function("import no_such_module"))
    assert payload["errorType"] == "Runtime.ImportModuleError"


def test_a_time_out_is_named(aws: Aws) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html."""
    slow = aws.function("import time\ndef handler(e, c):\n    time.sleep(30)\n", timeout=1)
    _, payload = aws.invoke(slow)
    assert payload["errorType"] == "Sandbox.Timedout"
    assert "Task timed out after 1.00 seconds" in payload["errorMessage"]


def test_an_environment_is_reused_when_warm(aws: Aws) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html."""
    name = aws.function("import os\ndef handler(e, c):\n    return os.getpid()\n")
    assert len({aws.invoke(name)[1] for _ in range(3)}) == 1


def test_layers_come_after_the_code_and_bring_packages(aws: Aws) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-layers.html."""
    layer = aws.client("lambda").publish_layer_version(
        LayerName=unique("core"),
        Content={"ZipFile": zipped({"python/only_in_layer.py": "X = 'layer'", "python/both.py": "X = 'layer'"})},
    )["LayerVersionArn"]
    name = unique("layered")
    code = "import both, only_in_layer\ndef handler(e, c):\n    return [both.X, only_in_layer.X]\n"
    aws.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=ROLE,
        Handler="h.handler",
        Code={"ZipFile": zipped({"h.py": code, "both.py": "X = 'code'"})},
        Layers=[layer],
    )
    assert aws.invoke(name) == (None, ["code", "layer"])


def test_a_third_party_layer_is_accepted_and_its_packages_are_there(aws: Aws) -> None:
    layer = "arn:aws:lambda:us-east-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python313-arm64:7"
    code = "import aws_lambda_powertools\ndef handler(e, c):\n    return aws_lambda_powertools.__name__\n"
    assert aws.invoke(aws.function(code, layers=(layer,)))[1] == "aws_lambda_powertools"


def test_a_function_sees_its_environment_and_not_the_developers(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html."""
    code = "import os\ndef handler(e, c):\n    return dict(os.environ)\n"
    _, seen = aws.invoke(aws.function(code, FIVETIER_STAGE="local"))
    assert seen["FIVETIER_STAGE"] == "local"
    assert seen["AWS_ENDPOINT_URL"] == aws.stack.endpoint_url
    assert not [name for name in seen if name.startswith("PYTEST")]


def test_new_code_replaces_a_warm_environment(aws: Aws) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html."""
    name = aws.function("def handler(e, c):\n    return 1\n")
    assert aws.invoke(name)[1] == 1
    new_code = zipped({"h.py": "def handler(e, c):\n    return 2\n"})
    aws.client("lambda").update_function_code(FunctionName=name, ZipFile=new_code)
    assert aws.invoke(name)[1] == 2


def test_another_runtime_is_refused_by_name(aws: Aws) -> None:
    name = unique("node")
    aws.client("lambda").create_function(
        FunctionName=name, Runtime="nodejs22.x", Role=ROLE, Handler="h.handler",
        Code={"ZipFile": zipped({"h.js": ""})},
    )  # fmt: skip
    error, payload = aws.invoke(name)
    assert (error, payload["errorType"]) == ("Unhandled", "Runtime.NotSupported")


def test_output_goes_to_the_log_file_the_tail_and_cloudwatch(aws: Aws) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html."""
    name = aws.function("def handler(e, c):\n    print('a line of', e)\n")
    answer = aws.client("lambda").invoke(FunctionName=name, LogType="Tail", Payload='"test"')
    assert "a line of test" in base64.b64decode(answer["LogResult"]).decode()
    assert "a line of test" in (aws.stack.state_dir / "logs" / f"{name}.log").read_text()
    events = aws.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    assert any("a line of test" in event["message"] for event in events)


def test_a_worker_ends_with_the_killed_emulator(aws: Aws, tmp_path: Path) -> None:
    """No orphan is left, even if the emulator had no time to clean up."""
    import os
    import signal

    from infra.local.stack import LocalStack, _is_alive

    stack = LocalStack.start(tmp_path / "state")
    try:
        import boto3

        make_role_any(boto3.client("iam", endpoint_url=stack.endpoint_url))
        client = boto3.client("lambda", endpoint_url=stack.endpoint_url)
        client.create_function(
            FunctionName="pid", Runtime="python3.13", Role=ROLE, Handler="h.handler",
            Code={"ZipFile": zipped({"h.py": "import os\ndef handler(e, c):\n    return os.getpid()\n"})},
        )  # fmt: skip
        worker = int(client.invoke(FunctionName="pid")["Payload"].read())
        assert _is_alive(worker)
        os.kill(stack.pid, signal.SIGKILL)
        eventually(lambda: not _is_alive(worker), seconds=5)
    finally:
        stack.stop()


@pytest.mark.parametrize(("when", "effects"), [("before", 0), ("after", 1)])
def test_a_fault_kills_the_worker_before_or_after_its_effects(aws: Aws, faults: Any, when: str, effects: int) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html."""
    table = aws.table()
    code = f"""
import boto3, json
def handler(event, context):
    boto3.client("dynamodb").put_item(TableName="{table}", Item={{"pk": {{"S": event}}}})
    return "done"
"""
    name = aws.function(code)
    faults.arm_fault(name[-6:], when)
    error, payload = aws.invoke(name, "first")
    assert (error, payload["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert aws.client("dynamodb").scan(TableName=table)["Count"] == effects
    assert aws.invoke(name, "second") == (None, "done")


def test_a_stream_record_reaches_its_function_at_once(aws: Aws) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html, filters included."""
    table = aws.table(StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
    seen = aws.table()
    code = f"""
import boto3
def handler(event, context):
    for record in event["Records"]:
        key = record["dynamodb"]["Keys"]["pk"]
        boto3.client("dynamodb").put_item(TableName="{seen}", Item={{"pk": key}})
"""
    dynamodb = aws.client("dynamodb")
    stream = dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    aws.client("lambda").create_event_source_mapping(
        EventSourceArn=stream,
        FunctionName=aws.function(code),
        StartingPosition="TRIM_HORIZON",
        FilterCriteria={"Filters": [{"Pattern": '{"dynamodb": {"NewImage": {"kind": {"S": ["wanted"]}}}}'}]},
    )

    def put(key: str, kind: str) -> None:
        dynamodb.put_item(TableName=table, Item={"pk": {"S": key}, "kind": {"S": kind}})

    def arrived() -> set[str]:
        return {item["pk"]["S"] for item in dynamodb.scan(TableName=seen)["Items"]}

    put("cold", "wanted")
    eventually(lambda: "cold" in arrived())
    put("other", "unwanted")
    started = time.monotonic()
    put("warm", "wanted")
    eventually(lambda: "warm" in arrived())
    assert time.monotonic() - started < 0.6
    assert arrived() == {"cold", "warm"}


def test_a_failed_stream_batch_is_retried(aws: Aws, faults: Any) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html."""
    table = aws.table(StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    seen = aws.table()
    name = aws.function(f"""
import boto3
def handler(event, context):
    boto3.client("dynamodb").put_item(TableName="{seen}", Item={{"pk": {{"S": "x"}}}})
""")
    dynamodb = aws.client("dynamodb")
    stream = dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    faults.arm_fault(name, "before")
    aws.client("lambda").create_event_source_mapping(
        EventSourceArn=stream, FunctionName=name, StartingPosition="TRIM_HORIZON"
    )
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "x"}})
    eventually(lambda: dynamodb.scan(TableName=seen)["Count"] == 1)
