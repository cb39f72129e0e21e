"""The smoke test itself: on the local stack it holds, and it sees what was broken by hand."""

from collections.abc import Callable

import boto3
import pytest

from infra.local.stack import env_for
from infra.smoke.__main__ import FAILED, LEFT_OUT, main
from infra.smoke.checks import CHECKS
from tests.support.cms import directory, entries
from tests.support.pipeline import Pipeline

pytestmark = pytest.mark.local_stack

#: What only a real account shows; everything else is tried here.
ONLY_REAL = {"buckets", "audit-append-only", "table", "rights", "mail", "alarm-mail", "heartbeat"}


@pytest.fixture(scope="module")
def pipeline(real_pipeline: Pipeline) -> Pipeline:
    """A stack of its own: these tests break it."""
    return real_pipeline


@pytest.fixture(autouse=True)
def _reach_the_stack(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in env_for(pipeline.deployed.stack).items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def published(pipeline: Pipeline) -> Pipeline:
    pipeline.publish(pipeline.next_month(), directory(entries(12)))
    return pipeline


def _arguments(pipeline: Pipeline) -> list[str]:
    return ["--stage", "local", "-c", f"oidc_issuer={pipeline.deployed.stack.issuer_url}"]


def _failed(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Checks that failed, with what they found."""
    code = main(_arguments(pipeline))
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(FAILED)]
    assert code == (1 if lines else 0)
    return {line[10:27].strip(): line[29:] for line in lines}


def test_every_check_holds_or_says_that_only_a_real_account_shows_it(
    published: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(_arguments(published)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"{len(CHECKS) - len(ONLY_REAL)} ok, 0 failed, {len(ONLY_REAL)} left out"
    assert {line[10:27].strip() for line in lines if line.startswith(LEFT_OUT)} == ONLY_REAL


def test_the_smoke_test_leaves_nothing_behind(published: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    main(_arguments(published))
    capsys.readouterr()
    s3 = boto3.client("s3")
    bucket = published.deployed.outputs["LandingBucket"]
    found = s3.list_object_versions(Bucket=bucket, Prefix="smoke/")
    assert not found.get("Versions")
    assert not found.get("DeleteMarkers")


def _stop_a_schedule(pipeline: Pipeline) -> None:
    boto3.client("scheduler").delete_schedule(GroupName="fivetier-local-watch", Name="watch-runs")


def _drop_an_alarm(pipeline: Pipeline) -> None:
    boto3.client("cloudwatch").delete_alarms(AlarmNames=["fivetier-local-watch-silent"])


def _break_a_handler(pipeline: Pipeline) -> None:
    boto3.client("lambda").update_function_configuration(
        FunctionName="fivetier-local-open-run", Handler="absent.handler"
    )


BROKEN: dict[str, Callable[[Pipeline], None]] = {
    "schedules": _stop_a_schedule,
    "alarms": _drop_an_alarm,
    "layers": _break_a_handler,
}


@pytest.fixture(scope="module")
def seen() -> set[str]:
    """What earlier tests of this file broke stays broken."""
    return set()


@pytest.mark.parametrize("check", BROKEN)
def test_what_was_changed_by_hand_is_seen(
    check: str, published: Pipeline, seen: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    BROKEN[check](published)
    seen.add(check)
    assert set(_failed(published, capsys)) == seen


def test_a_stage_that_is_not_deployed_fails_and_says_how_to_mend_it(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--stage", "dev"]) == 1
    said = capsys.readouterr().out
    assert "fivetier-dev-data" in said
    assert "to mend: cdk deploy --all" in said


def test_every_check_has_a_name_of_its_own_and_says_how_to_mend_it() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert all(check.mend for check in CHECKS)
    assert {check.name for check in CHECKS if check.needs_aws} == ONLY_REAL
