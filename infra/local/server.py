"""The emulator process: ministack with Lambda, Step Functions and Athena replaced.

`python -m infra.local.server --port N --issuer-port M --front-door-port P
--state DIR` serves until SIGTERM, then saves its state below DIR.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ACCOUNT_ID = "000000000000"
REGION = "us-east-1"
_PARENT_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class ServerOptions:
    """What the command line says."""

    port: int
    issuer_port: int
    front_door_port: int
    state_dir: Path
    instance: str
    parent: int | None

    @property
    def endpoint_url(self) -> str:
        """Where the emulator answers."""
        return f"http://127.0.0.1:{self.port}"


def emulator_environment(port: int, state_dir: Path) -> Mapping[str, str]:
    """The settings ministack reads from the environment when it is imported."""
    return {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "MINISTACK_REGION": REGION,
        "AUTH": "true",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state_dir / "services"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(state_dir / "s3"),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _options() -> ServerOptions:
    parser = argparse.ArgumentParser(prog="python -m infra.local.server")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--issuer-port", type=int, required=True)
    parser.add_argument("--front-door-port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--instance", default=uuid.uuid4().hex, help="told by /_fivetier/health")
    parser.add_argument("--parent", type=int, help="end when this process is gone")
    given = parser.parse_args()
    return ServerOptions(
        port=given.port,
        issuer_port=given.issuer_port,
        front_door_port=given.front_door_port,
        state_dir=given.state.resolve(),
        instance=given.instance,
        parent=given.parent,
    )


def _end_with(parent: int) -> None:
    """Stop cleanly when the process that started us is gone."""
    while os.getppid() == parent:
        time.sleep(_PARENT_POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


async def _serve(options: ServerOptions) -> None:
    """Install the replaced parts and serve until SIGTERM or SIGINT.

    The imports are inside: ministack and moto read their settings while they
    are imported, so `emulator_environment` must be in place before.
    """
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack import app as ministack_app

    from infra.local import athena, http_api, iam, issuer, lambda_service, object_lock, schedules, sfn
    from infra.local.faults import FaultRegistry
    from infra.local.front_door import FrontDoor, front_door_url
    from infra.local.guard import Gateway
    from infra.local.stack import loopback_hosts

    faults = FaultRegistry()
    pool = lambda_service.install(state_dir=options.state_dir, endpoint_url=options.endpoint_url, faults=faults)
    iam.install()
    sfn.install(endpoint_url=options.endpoint_url)
    athena.install(endpoint_url=options.endpoint_url)
    schedules.install()
    object_lock.install()
    http_api.install()
    from infra.local import cloudformation

    cloudformation.install()

    config = Config()
    config.bind = [f"127.0.0.1:{options.port}"]
    # A browser may try either address of localhost first.
    config.bind += [f"{host}:{options.front_door_port}" for host in loopback_hosts()]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.loglevel = "WARNING"

    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)

    async def stopped() -> None:
        await stopping.wait()

    with issuer.run(options.issuer_port, front_door_url=front_door_url(options.front_door_port)) as issuer_url:
        health: dict[str, object] = {
            "status": "ready",
            "instance": options.instance,
            "pid": os.getpid(),
            "issuer_url": issuer_url,
        }
        gateway = Gateway(ministack_app.app, faults=faults, health=health, rights=iam.ledger_json)
        door = FrontDoor(port=options.front_door_port, gateway=gateway, emulator=ministack_app.app)
        try:
            await serve(door, config, shutdown_trigger=stopped)
        finally:
            pool.close()


def main() -> None:
    """Run the emulator."""
    options = _options()
    options.state_dir.mkdir(parents=True, exist_ok=True)
    os.environ.update(emulator_environment(options.port, options.state_dir))
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("moto").setLevel(logging.CRITICAL)
    if options.parent is not None:
        threading.Thread(target=_end_with, args=(options.parent,), daemon=True).start()
    asyncio.run(_serve(options))


if __name__ == "__main__":
    main()
