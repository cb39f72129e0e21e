"""Acknowledged cdk-nag findings: one resource, one full rule id, one reason, one end date.

An acknowledgement on a whole stack, or one that outlived its finding, hides what comes later. So they are given to
the very CloudFormation resource a finding is about, and a test fails when one has no finding any more. What was right
once need not stay right: a test fails as well when an end date has passed. Look at it again then, and either mend what
was found or say why it still is right, with a new date a year ahead at most. Synthesis does not fail: an urgent
deployment must not wait for that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from aws_cdk import Acknowledgment, CfnResource, Stack, Validations
from aws_cdk import aws_iam as iam
from constructs import IConstruct


@dataclass(frozen=True, slots=True)
class Excuse:
    """Why a finding is right as it is, and until when nobody need ask again.

    Attributes:
        reason: read by auditors.
        until: last day it holds, as an ISO date.
    """

    reason: str
    until: str

    def __post_init__(self) -> None:
        date.fromisoformat(self.until)

    @classmethod
    def joined(cls, excuses: Iterable["Excuse"]) -> "Excuse":
        """Several excuses of one resource as one, which ends with the first of them."""
        given = list(dict.fromkeys(excuses))
        return cls(" ".join(each.reason for each in given), min(each.until for each in given))

    def has_ended(self, today: date) -> bool:
        """Whether its last day has passed."""
        return date.fromisoformat(self.until) < today

    @property
    def text(self) -> str:
        """What CDK is told."""
        return f"{self.reason} Until {self.until}."


def acknowledge(construct: IConstruct, rule: str, excuse: Excuse) -> None:
    """Accept one finding on one resource.

    Args:
        construct: the resource, or a construct whose default child it is.
        rule: full id, for example `AwsSolutions-IAM5[Resource::*]`.
        excuse: why it is right as it is, and until when.
    """
    resource = construct if CfnResource.is_cfn_resource(construct) else construct.node.default_child
    _tell_cdk(resource, rule, excuse)


def acknowledge_wildcards(role: iam.Role, excuses: Mapping[str, Excuse]) -> None:
    """Accept wildcard resources in a role's policy.

    Args:
        role: role with a default policy.
        excuses: ARN with a wildcard, as given to the policy, to why it cannot be named more closely.
    """
    policy = role.node.find_child("DefaultPolicy")
    for resource, excuse in excuses.items():
        acknowledge(policy, wildcard_rule(Stack.of(role).resolve(resource)), excuse)


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


def _tell_cdk(resource: IConstruct, rule: str, excuse: Excuse) -> None:
    Validations.of(resource).acknowledge(Acknowledgment(id=rule, reason=excuse.text))
