"""Which state machine definitions are refused, when they are created or updated.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.emulator import ROLE, Aws, unique

PASS: dict[str, Any] = {"Type": "Pass", "End": True}
GOOD: dict[str, Any] = {"StartAt": "A", "States": {"A": PASS}}
INVOKE = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}


def states(**named: Any) -> dict[str, Any]:
    return {"StartAt": "A", "States": named}


def distributed(**fields: Any) -> dict[str, Any]:
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    processor = {"ProcessorConfig": config, **GOOD}
    return states(A={"Type": "Map", "ItemProcessor": processor, "End": True, **fields})


BAD = {
    "no state to start": ({"StartAt": "B", "States": {"A": PASS}}, "MISSING_TRANSITION_TARGET"),
    "dangling Next": (states(A={"Type": "Pass", "Next": "B"}), "Missing 'Next' target: B"),
    "dangling Catch": (
        states(A={**INVOKE, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}]}),
        "Missing 'Next' target: B",
    ),
    "dangling Default": (
        states(A={"Type": "Choice", "Choices": [{"Variable": "$.x", "IsNull": True, "Next": "B"}]}),
        "Missing 'Next' target: B",
    ),
    "dangling Next in a branch": (
        states(A={"Type": "Parallel", "Branches": [states(A={"Type": "Pass", "Next": "B"})], "End": True}),
        "/States/A/Branches[0]/States/A/Next",
    ),
    "unreachable": (states(A=PASS, B=PASS), 'State "B" is not reachable'),
    "neither Next nor End": (states(A={"Type": "Pass"}), "exactly one of Next and End"),
    "unknown type": (states(A={"Type": "Jump", "End": True}), "SCHEMA_VALIDATION_FAILED"),
    "unknown field": (states(A={**PASS, "Colour": "red"}), "SCHEMA_VALIDATION_FAILED"),
    "task without resource": (states(A={"Type": "Task", "End": True}), "SCHEMA_VALIDATION_FAILED"),
    "no states": ({"StartAt": "A"}, "States is missing"),
}
UNSUPPORTED = {
    "JSONata": ({**GOOD, "QueryLanguage": "JSONata"}, "QueryLanguage JSONata"),
    "JSONata in a state": (states(A={**PASS, "QueryLanguage": "JSONata"}), "QueryLanguage JSONata"),
    "ItemBatcher": (distributed(ItemBatcher={"MaxItemsPerBatch": 2}), "ItemBatcher"),
    "ResultWriter": (distributed(ResultWriter={"Resource": "x"}), "ResultWriter"),
    "JSONL": (distributed(ItemReader={"ReaderConfig": {"InputType": "JSONL"}}), "InputType JSONL"),
    "another SDK service": (
        states(A={**INVOKE, "Resource": "arn:aws:states:::aws-sdk:glue:getTable"}),
        "aws-sdk:glue:getTable",
    ),
    "an unknown SDK action": (
        states(A={**INVOKE, "Resource": "arn:aws:states:::aws-sdk:s3:getMoon"}),
        "aws-sdk:s3:getMoon",
    ),
    "another optimized integration": (
        states(A={**INVOKE, "Resource": "arn:aws:states:::athena:startQueryExecution.sync"}),
        "athena:startQueryExecution",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_an_invalid_definition_is_not_created(aws: Aws, case: str) -> None:
    definition, reason = BAD[case]
    client = aws.client("stepfunctions")
    with pytest.raises(client.exceptions.InvalidDefinition) as refused:
        client.create_state_machine(name=unique("bad"), definition=json.dumps(definition), roleArn=ROLE)
    assert reason in refused.value.response["Error"]["Message"]


@pytest.mark.parametrize("case", UNSUPPORTED)
def test_what_is_not_emulated_is_refused_by_name(aws: Aws, case: str) -> None:
    definition, feature = UNSUPPORTED[case]
    client = aws.client("stepfunctions")
    with pytest.raises(client.exceptions.InvalidDefinition) as refused:
        client.create_state_machine(name=unique("bad"), definition=json.dumps(definition), roleArn=ROLE)
    message = refused.value.response["Error"]["Message"]
    assert "the local stack does not emulate" in message
    assert feature in message


def test_an_invalid_definition_does_not_replace_a_good_one(aws: Aws) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_UpdateStateMachine.html."""
    client = aws.client("stepfunctions")
    machine = aws.machine(GOOD)
    with pytest.raises(client.exceptions.InvalidDefinition):
        client.update_state_machine(
            stateMachineArn=machine, definition=json.dumps(states(A={"Type": "Pass", "Next": "B"}))
        )
    assert json.loads(client.describe_state_machine(stateMachineArn=machine)["definition"]) == GOOD


def test_text_that_is_no_json_is_refused(aws: Aws) -> None:
    client = aws.client("stepfunctions")
    with pytest.raises(client.exceptions.InvalidDefinition):
        client.create_state_machine(name=unique("bad"), definition="{", roleArn=ROLE)
