"""The local stack as the commands see it: start and stop it, deploy the template, talk to its API."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from fivetier_cli.console import RefusedByApi, UsageError, err, out, print_json
from infra.local.errors import AssemblyFailed
from infra.local.stack import LocalStack, env_for
from infra.settings import ROOT, load_context, load_settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON only.")]
StateDir = Annotated[Path, typer.Option("--state-dir", envvar="FIVETIER_HOME", help="State of the local stack.")]
DEFAULT_STATE = Path(".fivetier")
ARN_OF_LAYERS_NOT_BUILT = "arn:aws:lambda:us-east-1:111122223333:layer:{name}:1"

TOKEN_SECONDS = 600.0
_TOKENS: dict[tuple[str, str], tuple[str, float]] = {}

#: Variables the product reads, and the stack outputs they come from.
_SETTINGS = {
    "FIVETIER_OPS_TABLE": "OpsTable",
    "FIVETIER_LANDING_BUCKET": "LandingBucket",
    "FIVETIER_STAGING_BUCKET": "StagingBucket",
    "FIVETIER_LAKE_BUCKET": "LakeBucket",
    "FIVETIER_AUDIT_BUCKET": "AuditBucket",
    "FIVETIER_LAKE_DATABASE": "LakeDatabase",
    "FIVETIER_STAGING_DATABASE": "StagingDatabase",
}


@dataclass(frozen=True)
class Deployed:
    """A running local stack with the template deployed."""

    stack: LocalStack

    @cached_property
    def outputs(self) -> dict[str, str]:
        """Outputs of all stacks by name."""
        return {name: value for outputs in self.stack.outputs.values() for name, value in outputs.items()}

    def use(self) -> None:
        """Point this process's AWS clients and settings at the stack."""
        state_machines = {
            key.removeprefix("StateMachine"): value for key, value in self.outputs.items() if "StateMachine" in key
        }
        os.environ.update(env_for(self.stack))
        os.environ.update({name: self.outputs[output] for name, output in _SETTINGS.items()})
        os.environ["FIVETIER_STATE_MACHINES"] = json.dumps(_by_lob(state_machines))

    def call(self, method: str, path: str, *, login: str, body: Mapping[str, Any] | None = None) -> Any:
        """Call the API as one of the local logins; the path is that below `/api`.

        Raises:
            RefusedByApi: the answer is an error; its code and words are the API's.
        """
        request = urllib.request.Request(
            f"{self.front_door_url}/api{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"Bearer {self._token(login)}", "Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=120) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise _refusal(error) from error

    def _token(self, login: str) -> str:
        """A token of the login; one is good for many calls."""
        key = (self.stack.issuer_url, login)
        token, asked_at = _TOKENS.get(key, ("", -TOKEN_SECONDS))
        if time.monotonic() - asked_at >= TOKEN_SECONDS:
            token = self.stack.token_for(login)
            _TOKENS[key] = (token, time.monotonic())
        return token

    @property
    def front_door_url(self) -> str:
        """Where people open the pages; the JSON API lies below `/api`."""
        return self.stack.front_door_url


def _by_lob(state_machines: Mapping[str, str]) -> dict[str, str]:
    """`{lob: arn}` from ARNs whose machine is named `fivetier-<stage>-<lob>`."""
    return {arn.rsplit("-", 1)[1]: arn for arn in state_machines.values()}


def _refusal(error: urllib.error.HTTPError) -> RefusedByApi:
    text = error.read().decode(errors="replace")
    with suppress(ValueError):
        answer = json.loads(text)
        if isinstance(answer, dict) and "error" in answer:
            return RefusedByApi(error=str(answer["error"]), message=str(answer["message"]))
    return RefusedByApi(error=f"HTTP {error.code}", message=text[:500] or str(error.reason))


def attach(state: Path) -> Deployed:
    """The running stack.

    Raises:
        StackNotRunning: none runs here.
        UsageError: the template was never deployed, or one without a front door.
    """
    deployed = Deployed(LocalStack.attach(state))
    if "FrontDoorUrl" not in deployed.outputs:
        raise UsageError(
            "the local stack runs without the template, or with an older one; run `fivetier down`, then `fivetier up`"
        )
    return deployed


def start(state: Path, *, port: int, detach: bool, sign_off_seconds: int | None) -> tuple[Deployed, list[str]]:
    """Start the stack, deploy the template, and mark runs ABANDONED whose execution died with the last stop.

    Raises:
        LocalStackError: it cannot start; the message says why.
    """
    from fivetier.app.publishing import abandon_dead_runs
    from fivetier.aws.runtime import ports
    from fivetier.aws.wiring import lake

    from infra.local.deploy import deploy

    stack = LocalStack.start(state, port=port, detach=detach)
    try:
        context = {"stage": "local", "oidc_issuer": stack.issuer_url, "front_door_url": stack.front_door_url}
        if sign_off_seconds is not None:
            context["sign_off_seconds"] = str(sign_off_seconds)
        assembly = _synthesize(context, state / "cdk.out")
        layers = {f"{name}LayerArn": ARN_OF_LAYERS_NOT_BUILT.format(name=name.lower()) for name in ("Engine", "Lake")}
        deployment = deploy(assembly, stack.endpoint_url, parameters=layers)
        stack.record_outputs(deployment.outputs)
        deployed = Deployed(stack)
        deployed.use()
        verify_sender(load_settings(load_context(context)).mail_from)
        lake().ensure_tables()
        return deployed, abandon_dead_runs(ports())
    except BaseException:
        stack.stop()
        raise


def verify_sender(sender: str | None) -> None:
    """What an operator does in AWS before the first mail: tell SES whose address it is."""
    from fivetier.aws.clients import client

    if sender is not None:
        with suppress(client("sesv2").exceptions.AlreadyExistsException):
            client("sesv2").create_email_identity(EmailIdentity=sender)


def _synthesize(context: Mapping[str, str], out_dir: Path) -> Path:
    """Synthesize in a process of its own, so that CDK's engine is gone before anybody presses Ctrl-C.

    Raises:
        AssemblyFailed: CDK refuses; the message is its own.
    """
    given = [part for key, value in context.items() for part in ("-c", f"{key}={value}")]
    command = [sys.executable, "-m", "infra.app", "--no-validate", "--out", str(out_dir.resolve()), *given]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise AssemblyFailed(reason=done.stderr.strip())
    return out_dir


def up(
    detach: Annotated[bool, typer.Option("--detach", help="Return when it is up; stop it with `down`.")] = False,
    port: Annotated[int, typer.Option(help="Port of the emulator; 0 takes the last one, or a free one.")] = 0,
    sign_off_seconds: Annotated[
        int | None, typer.Option(help="Let sign-offs expire sooner than the policy says, to rehearse it.")
    ] = None,
    state: StateDir = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Start the local stack: the deployed template, its state machine and functions, all on loopback."""
    with err.status("starting the local stack and deploying the template", spinner="dots"):
        deployed, abandoned = start(state, port=port, detach=detach, sign_off_seconds=sign_off_seconds)
    facts = {
        "front_door": deployed.front_door_url,
        "endpoint": deployed.stack.endpoint_url,
        "issuer": deployed.stack.issuer_url,
        "pid": deployed.stack.pid,
        "abandoned": abandoned,
    }
    if as_json:
        print_json(facts)
    else:
        out.print(f"The local stack is up (state in {state}). Open {facts['front_door']}/", markup=False)
        out.print(f"AWS clients find it at {facts['endpoint']}.", markup=False)
        for run_id in abandoned:
            out.print(f"{run_id} was open when the stack stopped; it is ABANDONED now.", markup=False)
        out.print("Next: fivetier land ..., fivetier refresh ...; `fivetier --help` lists all.", markup=False)
    if not detach:
        _wait_for_interrupt()
        with err.status("stopping", spinner="dots"):
            deployed.stack.stop()


def _wait_for_interrupt() -> None:
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    err.print("Press Ctrl-C to stop it.")
    stop.wait()


def down(state: StateDir = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Stop the local stack; what was landed and published is kept for the next `up`."""
    stack = LocalStack.attach(state)
    with err.status("stopping", spinner="dots"):
        stack.stop()
    print_json({"stopped": stack.pid}) if as_json else out.print("The local stack is stopped.")
