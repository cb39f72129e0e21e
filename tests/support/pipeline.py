"""The deployed pipeline as its users drive it: commands only, on the local stack."""

import itertools
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fivetier_cli.stack import Deployed
from tests.support.cli import Answer, run, write

LOB = ("--lob", "medicare_advantage")
DIRECTORY, MONTHLY = "cms_ma_contract_directory", "cms_monthly_report_by_plan"
ENDED = ("PUBLISHED", "NO_CHANGE", "REJECTED", "EXPIRED", "SUPERSEDED", "FAILED", "ABANDONED")


@dataclass
class Pipeline:
    """A deployed stack and a folder to put files in; months only go forward, as the pipeline demands."""

    deployed: Deployed
    folder: Path
    _months: "itertools.count[int]" = field(default_factory=lambda: itertools.count(0))

    def next_month(self) -> str:
        """A month no earlier test used."""
        n = next(self._months)
        return f"{2030 + n // 12}_{n % 12 + 1:02}"

    def command(self, *arguments: str) -> Answer:
        return run(*arguments, "--state-dir", str(self.deployed.stack.state_dir))

    def land(self, month: str, data: bytes, source: str = DIRECTORY, name: str | None = None) -> Answer:
        path = write(self.folder, name or f"{source}.csv", data)
        answer = self.command("land", *LOB, "--source", source, "--sub-version", month, path, "--json")
        assert answer.exit_code == 0, answer.err
        return answer

    def refresh(self, month: str, *options: str) -> dict[str, Any]:
        """Start and wait until people are asked or the run has ended."""
        answer = self.command("refresh", *LOB, "--sub-version", month, "--wait", "--json", *options)
        assert answer.exit_code in (0, 4), answer.err
        status: dict[str, Any] = answer.json
        return status

    def report(self, run_id: str) -> dict[str, Any]:
        report: dict[str, Any] = self.command("report", run_id, "--json").json
        return report

    def sign(self, run_id: str, role: str, decision: str = "approve", *options: str) -> Answer:
        """Sign with every tick the report asks for."""
        p1 = [f["code"] for f in self.report(run_id)["findings"] if f["severity"] == "P1"]
        ticks = [part for code in p1 for part in ("--tick", f"{code}=looked at it")]
        who = ("--role", role, "--as", role)
        return self.command("sign", run_id, *who, "--decision", decision, "--reason", "read it", *ticks, *options)

    def sign_both(self, run_id: str) -> None:
        for role in ("engineering_lead", "data_lead"):
            answer = self.sign(run_id, role)
            assert answer.exit_code == 0, answer.err

    def state(self, run_id: str) -> str:
        return str(self.run(run_id)["state"])

    def run(self, run_id: str) -> dict[str, Any]:
        runs: list[dict[str, Any]] = self.command("runs", "--json").json
        return next(run for run in runs if run["run_id"] == run_id)

    def ended(self, run_id: str, *, seconds: float = 60) -> dict[str, Any]:
        """The run once it has ended."""
        deadline = time.monotonic() + seconds
        while (found := self.run(run_id))["state"] not in ENDED:
            assert time.monotonic() < deadline, f"{run_id} is still {found['state']}"
            time.sleep(0.3)
        return found

    def publish(self, month: str, data: bytes, *more: tuple[str, bytes]) -> str:
        """Land, refresh, sign twice, and wait for the publication; returns the run id."""
        self.land(month, data)
        for source, content in more:
            self.land(month, content, source)
        status = self.refresh(month)
        assert status["state"] == "AWAITING_SIGN_OFF", status
        self.sign_both(status["run_id"])
        assert self.ended(status["run_id"])["state"] == "PUBLISHED"
        return str(status["run_id"])

    def request(self, method: str, path: str, authorization: str | None) -> int:
        """The status the API answers a bare request with; the path is that below `/api`."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": authorization} if authorization else {})
        data = b"{}" if method in ("POST", "PUT", "PATCH") else None
        request = urllib.request.Request(
            f"{self.deployed.front_door_url}/api{path}", data=data, method=method, headers=headers
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def sql(self, statement: str, *options: str) -> list[dict[str, Any]]:
        answer = self.command("sql", statement, "--json", *options)
        assert answer.exit_code == 0, answer.err
        rows: list[dict[str, Any]] = answer.json
        return rows
