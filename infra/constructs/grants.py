"""Rights written out: exact actions on named resources.

CDK's own `grant_*` methods hand out `s3:GetObject*`, `kms:ReEncrypt*` and the like. Here nothing has a wildcard but
a resource that cannot be named more closely, and then the grant says why.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import aws_iam as iam

from infra.constructs.acknowledge import Excuse, acknowledge_wildcards


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Some actions on some resources.

    Attributes:
        actions: IAM actions, without wildcards.
        resources: ARNs; one with a wildcard needs an `excuse`.
        excuse: why a resource cannot be named more closely.
        conditions: IAM conditions.
        is_denied: forbid instead of allow.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    excuse: Excuse | None = None
    conditions: Mapping[str, Any] = field(default_factory=dict)
    is_denied: bool = False

    def __post_init__(self) -> None:
        if any("*" in action for action in self.actions):
            raise ValueError(f"actions are written out: {', '.join(self.actions)}")
        if self.excuse is None and self.wildcards:
            raise ValueError(f"{', '.join(self.actions)}: a wildcard resource needs a reason")

    @property
    def wildcards(self) -> tuple[str, ...]:
        """Allowed resources with a wildcard."""
        return () if self.is_denied else tuple(each for each in self.resources if "*" in each)

    def statement(self) -> iam.PolicyStatement:
        """The policy statement."""
        return iam.PolicyStatement(
            effect=iam.Effect.DENY if self.is_denied else iam.Effect.ALLOW,
            actions=list(self.actions),
            resources=list(self.resources),
            conditions=dict(self.conditions) or None,
        )


def give(role: iam.Role, grants: Iterable[Grant], *, also_wildcard: Mapping[str, Excuse] | None = None) -> None:
    """Give a role its rights and acknowledge the wildcards among them.

    Args:
        role: a role of ours.
        grants: all its rights.
        also_wildcard: resources CDK itself put into the role's policy, with the excuse.
    """
    excuses: dict[str, list[Excuse]] = {}
    for grant in grants:
        role.add_to_policy(grant.statement())
        for resource in grant.wildcards if grant.excuse else ():
            excuses.setdefault(resource, []).append(grant.excuse)
    for resource, excuse in (also_wildcard or {}).items():
        excuses.setdefault(resource, []).append(excuse)
    acknowledge_wildcards(role, {resource: Excuse.joined(given) for resource, given in excuses.items()})
