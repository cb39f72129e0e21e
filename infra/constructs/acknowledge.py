"""Acknowledged cdk-nag findings: one resource, one full rule id, one reason.

An acknowledgement on a whole stack, or one that outlived its finding, hides what comes later. So they are given to
the very CloudFormation resource a finding is about, and a test fails when one has no finding any more.
"""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Acknowledgment, CfnResource, Stack, Validations
from aws_cdk import aws_iam as iam
from constructs import IConstruct


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Accept one finding on one resource.

    Args:
        construct: the resource, or a construct whose default child it is.
        rule: full id, for example `AwsSolutions-IAM5[Resource::*]`.
        reason: why it is right as it is; read by auditors.
    """
    resource = construct if CfnResource.is_cfn_resource(construct) else construct.node.default_child
    _tell_cdk(resource, rule, reason)


def acknowledge_wildcards(role: iam.Role, reasons: Mapping[str, str]) -> None:
    """Accept wildcard resources in a role's policy.

    Args:
        role: role with a default policy.
        reasons: ARN with a wildcard, as given to the policy, to why it cannot be named more closely.
    """
    policy = role.node.find_child("DefaultPolicy")
    for resource, reason in reasons.items():
        acknowledge(policy, wildcard_rule(Stack.of(role).resolve(resource)), reason)


def wildcard_rule(resource: Any) -> str:
    """The id cdk-nag gives a wildcard resource: references are written `<AWS::Partition>`, joins flattened."""
    return f"AwsSolutions-IAM5[Resource::{_flat(resource)}]"


def _flat(value: Any) -> str:
    if isinstance(value, str):
        return value
    if "Ref" in value:
        return f"<{value['Ref']}>"
    if "Fn::GetAtt" in value:
        return f"<{'.'.join(value['Fn::GetAtt'])}>"
    delimiter, parts = value["Fn::Join"]
    return str(delimiter).join(_flat(part) for part in parts)


def _tell_cdk(resource: IConstruct, rule: str, reason: str) -> None:
    Validations.of(resource).acknowledge(Acknowledgment(id=rule, reason=reason))
