"""Mail scanners, link previews and strangers open every link in every way: nothing changes (RELIABILITY §1.2, §4.1)."""

import http.client
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import boto3
import pytest

from tests.support.desk import Desk

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
#: How scanners, previewers, crawlers, tools and browsers name themselves.
CLIENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Microsoft Safe Links",
    "Microsoft Office/16.0 (Microsoft Outlook 16.0; Pro)",
    "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
    "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0) SkypeUriPreview Preview/0.5",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 Teams",
    "Mimecast-URL-Protect/1.0",
    "Proofpoint-URLDefense/2.0",
    "Barracuda Sentinel (EE)",
    "Cisco-IronPort-Outbreak",
    "Symantec ClickTime",
    "TrendMicro URL Scanner",
    "Sophos Time-of-Click",
    "FireEye URL Defense",
    "Zscaler Sandbox",
    "Forcepoint URL Sandbox",
    "Google-Safety",
    "GoogleImageProxy",
    "Mozilla/5.0 (compatible; Google-Apps-Script)",
    "Mozilla/5.0 (compatible; Googlebot/2.1)",
    "Slackbot-LinkExpanding 1.0",
    "Slack-ImgProxy 0.19",
    "Discordbot/2.0",
    "WhatsApp/2.23.20.0",
    "TelegramBot (like TwitterBot)",
    "Twitterbot/1.0",
    "facebookexternalhit/1.1",
    "LinkedInBot/1.0",
    "Applebot/0.1 iMessage",
    "Mattermost-Bot/1.1",
    "RocketChat preview",
    "bitlybot/3.0",
    "Iframely/1.3",
    "Embedly/0.2",
    "YandexBot/3.0",
    "bingbot/2.0",
    "curl/8.14.1",
    "Wget/1.25",
    "python-requests/2.32",
    "Go-http-client/1.1",
    "Java/21",
    "HeadlessChrome/150.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X)",
)


@pytest.fixture(scope="module")
def asked(desk: Desk) -> Iterator[str]:
    yield desk.asks()


def everything(desk: Desk) -> dict[str, object]:
    """Every item of the operations table: runs, asks, tokens, decisions, outbox, and what is in the chain."""
    pages = (
        boto3.client("dynamodb").get_paginator("scan").paginate(TableName=desk.pipeline.deployed.outputs["OpsTable"])
    )
    return {str((item["pk"], item["sk"])): item for page in pages for item in page["Items"]}


def at_rest(desk: Desk) -> dict[str, object]:
    """Everything, once nothing of earlier runs is still on its way."""
    deadline, last = time.monotonic() + 30, everything(desk)
    while True:
        time.sleep(2)
        now = everything(desk)
        if now == last:
            return now
        assert time.monotonic() < deadline, "the stack does not come to rest"
        last = now


def links(run_id: str) -> tuple[str, ...]:
    """What stands in mails, on pages and in address bars, and what somebody would guess."""
    ask = f"/sign-offs/{run_id}/1"
    return (
        *("/", f"/runs/{run_id}", ask, f"{ask}?role=data_lead&decision=approve&reason=x", f"/login?next={ask}"),
        *("/callback?code=guess&state=guess", "/logout", f"/api/runs/{run_id}", "/api/runs", f"/api{ask}"),
    )


def send(connection: http.client.HTTPConnection, method: str, link: str, client: str) -> int:
    headers = {"User-Agent": client, "Content-Type": "application/x-www-form-urlencoded"}
    body = "role=data_lead&decision=approve&reason=x&csrf=x" if method in ("POST", "PUT", "PATCH") else None
    connection.request(method, link, body, headers)
    with connection.getresponse() as answer:
        answer.read()
        return answer.status


def test_whoever_opens_whatever_in_whatever_way_changes_nothing(desk: Desk, asked: str) -> None:
    before = at_rest(desk)
    address = urlsplit(desk.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
    answers = {
        (client, method, link): send(connection, method, link, client)
        for client in CLIENTS
        for method in METHODS
        for link in links(asked)
    }
    connection.close()
    assert len(answers) == len(CLIENTS) * len(METHODS) * len(links(asked)) >= 40 * 7 * 10
    assert {status for status in answers.values() if status >= 500} == set()
    assert {status for (_, method, _), status in answers.items() if method != "GET" and status < 400} == set()
    assert everything(desk) == before
