"""A state machine whose definition is an ASL file with `${Placeholders}`."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.constructs.acknowledge import Excuse
from infra.constructs.grants import Grant, give
from infra.constructs.log_group import LogGroup

_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
_LOGS_AND_TRACES = Excuse("CloudWatch's log delivery actions and X-Ray know no resources.", until="2027-11-30")


class PlaceholdersDiffer(ValueError):
    """Definition and substitutions do not name the same things."""

    def __init__(self, *, definition: Path, missing: set[str], unused: set[str]) -> None:
        self.definition, self.missing, self.unused = definition, missing, unused
        super().__init__(
            f"{definition.name}: nothing is given for {', '.join(sorted(missing)) or '-'}, "
            f"and nothing asks for {', '.join(sorted(unused)) or '-'}"
        )


class AslStateMachine(Construct):
    """A standard state machine whose executions are logged without their data.

    Inputs hold names of people, and the wait state's task token must stand nowhere but in the table (STYLE §3.7).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        definition: Path,
        substitutions: Mapping[str, str],
        grants: Sequence[Grant],
        log_retention_days: int,
    ) -> None:
        """Create it.

        Args:
            scope: parent.
            construct_id: id.
            name: physical name.
            definition: ASL file.
            substitutions: value of each placeholder.
            grants: all rights of its role, beside logs and traces.
            log_retention_days: how long its logs are kept.

        Raises:
            PlaceholdersDiffer: a placeholder has no value, or a value no placeholder.
        """
        super().__init__(scope, construct_id)
        asked = set(_PLACEHOLDER.findall(definition.read_text(encoding="utf-8")))
        if asked != set(substitutions):
            given = set(substitutions)
            raise PlaceholdersDiffer(definition=definition, missing=asked - given, unused=given - asked)
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("states.amazonaws.com"),
            description=f"{name}: the state machine itself",
        )
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=name,
            definition_body=sfn.DefinitionBody.from_file(str(definition)),
            definition_substitutions=dict(substitutions),
            role=role,
            tracing_enabled=True,
            logs=sfn.LogOptions(
                # The prefix keeps the account's log resource policy from growing with every machine.
                destination=LogGroup(self, "Logs", name=f"/aws/vendedlogs/states/{name}", days=log_retention_days),
                level=sfn.LogLevel.ALL,
                include_execution_data=False,
            ),
        )
        give(role, grants, also_wildcard={"*": _LOGS_AND_TRACES})

    @property
    def arn(self) -> str:
        """The state machine's ARN."""
        return self.machine.state_machine_arn
