"""`fivetier demo` as somebody meets it: one command, then a link to sign, then the answer; nothing left behind."""

import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
import pytest

from fivetier_cli.demo import MARKER, REASON
from infra.local.errors import StackNotRunning
from infra.local.stack import LocalStack

pytestmark = pytest.mark.local_stack

COMMAND = Path(sys.executable).parent / "fivetier"
SECONDS = 180
CIGNA, HCSC = "The Cigna Group", "Health Care Service Corporation"
TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
TUTORIAL_SQL = re.findall(r'^\$ fivetier sql "([^"]+)"\n(┏[^$`]+)', TUTORIAL.read_text(encoding="utf-8"), re.MULTILINE)
P1 = {"DRIFT_PARENT", "POSSIBLE_RENAME", "PARENT_DISAGREEMENT"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands are typed."""
    return tmp_path_factory.mktemp("home")


def fivetier(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, without docker, node or java in reach."""
    return subprocess.run(
        [COMMAND, *arguments], cwd=home, env=_env(home), capture_output=True, text=True, timeout=SECONDS
    )


def _env(home: Path) -> dict[str, str]:
    return {"PATH": str(home), "HOME": str(home), "FIVETIER_HOME": ".fivetier/demo", "PYTHONUNBUFFERED": "1"}


def is_running(home: Path) -> bool:
    try:
        LocalStack.attach(home / ".fivetier" / "demo")
    except StackNotRunning:
        return False
    return True


def left_behind(home: Path) -> list[str]:
    """Processes of the last stack, its functions' too, where /proc tells: they know the emulator's address."""
    endpoint = json.loads((home / ".fivetier" / "demo" / "stack.json").read_text())["endpoint_url"]
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended while we looked
            told = (path / "cmdline").read_bytes() + (path / "environ").read_bytes()
            if endpoint.encode() in told or str(home).encode() in (path / "cmdline").read_bytes():
                found.append(path.name)
    return found


@contextmanager
def started(home: Path) -> Iterator[None]:
    """The stack of a demo that has ended, up again."""
    up = fivetier(home, "up", "--detach", "--json")
    assert up.returncode == 0, up.stderr
    try:
        yield
    finally:
        assert fivetier(home, "down").returncode == 0


def audit_events(home: Path) -> list[dict[str, Any]]:
    """The stored chain, from the first event on."""
    stack = LocalStack.attach(home / ".fivetier" / "demo")
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    s3 = boto3.client("s3", endpoint_url=stack.endpoint_url, **keys)
    bucket = next(o["AuditBucket"] for o in stack.outputs.values() if "AuditBucket" in o)
    found = sorted(o["Key"] for o in s3.list_objects_v2(Bucket=bucket, Prefix="audit/")["Contents"])
    stored = [json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in found]
    return [each["event"] for each in stored]


def test_it_runs_to_the_answer_by_itself_and_says_who_signed(home: Path) -> None:
    ended = fivetier(home, "demo", "--auto-sign", "--json")
    assert ended.returncode == 0, ended.stderr
    facts = json.loads(ended.stdout)
    assert facts["state"] == "PUBLISHED"
    assert len(TUTORIAL_SQL) == 5
    owners = [(row["day"], row["contract_id"], row["parent_payer"]) for row in facts["answer"]]
    assert owners == [
        (day, contract, parent)
        for contract in ("H9601", "H9605", "H9610")
        for day, parent in (("2024-08-01", CIGNA), ("2025-06-01", HCSC))
    ]
    assert re.search(r"\d s  published 2025_06, signed by the demo itself", ended.stderr)
    assert (home / ".fivetier" / "demo" / MARKER).exists()
    assert not is_running(home)
    assert left_behind(home) == []

    with started(home):
        verified = json.loads(fivetier(home, "audit", "verify", "--json").stdout)
        events = audit_events(home)
        for statement, answer in TUTORIAL_SQL:
            assert fivetier(home, "sql", statement).stdout.strip() == answer.strip()
        release = json.loads(
            fivetier(home, "sql", "SELECT release_id, base_release_id FROM v_release", "--json").stdout
        )
    assert verified["ok"]
    published = [e["run_id"] for e in events if e["event_type"] == "published"]
    assert release == [{"release_id": published[1], "base_release_id": published[0]}]
    assert len(published) == 2
    signed = [e["details"] for e in events if e["event_type"] == "sign_off_decided"]
    assert [d["reason"] for d in signed] == [REASON] * 4
    assert [d["ticks"] for d in signed] == [{}, {}, dict.fromkeys(P1, REASON), dict.fromkeys(P1, REASON)]


def test_it_waits_for_people_and_ends_with_ctrl_c(home: Path) -> None:
    state = home / ".fivetier" / "demo"
    state.mkdir(parents=True, exist_ok=True)
    left = state / "left-by-the-last-demo"
    for path in (state / MARKER, left):
        path.touch()
    demo = subprocess.Popen(
        [COMMAND, "demo"], cwd=home, env=_env(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    alarm = threading.Timer(SECONDS, demo.kill)
    alarm.start()
    try:
        assert demo.stdout is not None
        said = []
        for line in demo.stdout:
            said.append(line)
            if line.startswith("Waiting for the signatures"):
                break
        assert not left.exists()
        link = next(line for line in said if line.startswith("Ready to sign after"))
        run_id, round_number = re.search(r"https?://\S+/sign-offs/([\w-]+)/(\d+)$", link).groups()  # type: ignore[union-attr]
        assert (run_id.split("-")[:2], round_number) == (["medicare_advantage", "2025_06"], "1")
        assert f"12 contracts from {CIGNA} to {HCSC}" in "".join(said)

        again = fivetier(home, "demo")
        assert (again.returncode, "fivetier down --state-dir" in again.stderr) == (2, True)
        _sign(home, run_id, "engineering_lead", "approve")
        assert next(demo.stdout) == "engineering_lead as engineering_lead: approve (read it)\n"
        _sign(home, run_id, "data_lead", "approve")
        rest = iter(demo.stdout)
        assert next(rest) == "data_lead as data_lead: approve (read it)\n"
        assert next(rest) == f"{run_id} is PUBLISHED\n"
        answer = []
        for line in rest:
            answer.append(line)
            if line.startswith("The stack stays up"):
                break
        assert HCSC in "".join(answer)
        assert is_running(home)
        assert len(left_behind(home)) > 1 or not Path("/proc").exists()
        demo.send_signal(signal.SIGINT)
        assert demo.wait(timeout=60) == 0
    finally:
        alarm.cancel()
        demo.kill()
        _, errors = demo.communicate()
    assert "The demo is stopped" in errors
    assert not is_running(home)
    assert left_behind(home) == []


def _sign(home: Path, run_id: str, role: str, decision: str) -> None:
    ticks = [part for code in sorted(P1) for part in ("--tick", f"{code}=looked at it")]
    who = ("--role", role, "--as", role)
    signed = fivetier(home, "sign", run_id, *who, "--decision", decision, "--reason", "read it", *ticks)
    assert signed.returncode == 0, signed.stderr
