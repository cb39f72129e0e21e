"""Links people are given. A link points; it never decides, and carries ids only (RELIABILITY §1.5)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Execution:
    """Where the run's execution can be looked at; no URL where there is no console."""

    arn: str = ""
    url: str = ""


def sign_off_path(run_id: str, round_number: int) -> str:
    """The page of one round, from the root of the pages."""
    return f"/sign-offs/{run_id}/{round_number}"


def run_path(run_id: str) -> str:
    """The page of one run, from the root of the pages."""
    return f"/runs/{run_id}"


def execution_of(machine_arn: str, run_id: str, *, console_url: str | None) -> Execution:
    """The run's execution in Step Functions: its ARN, and the console's read-only page of it.

    Args:
        machine_arn: `arn:aws:states:{region}:{account}:stateMachine:{name}`.
        run_id: the run, which names the execution.
        console_url: for example `https://us-east-1.console.aws.amazon.com`; None where there is no console.
    """
    arn = f"{machine_arn.replace(':stateMachine:', ':execution:', 1)}:{run_id}"
    if not console_url:
        return Execution(arn)
    region = machine_arn.split(":")[3]
    return Execution(arn, f"{console_url}/states/home?region={region}#/v2/executions/details/{arn}")
