"""The suites' scenes on the in-memory fakes."""

from collections.abc import Callable
from datetime import datetime

from tests.contract.sides.scenes import (
    AuditScene,
    CatalogScene,
    ExecutionsScene,
    LakeScene,
    LandingScene,
    MailScene,
    RunsScene,
    StagingScene,
)
from tests.fakes.world import World


def landing() -> LandingScene:
    world = World()

    def land(key: str, data: bytes) -> None:
        world.landing.bucket.put(key, data)

    return LandingScene(world.landing, land, world.landing.bucket.remove, lambda: world.clock.advance(seconds=2))


def staging() -> StagingScene:
    world = World()
    return StagingScene(world.staging, world.staging.bucket.remove)


def audit() -> AuditScene:
    return AuditScene(World().audit)


def runs() -> RunsScene:
    world = World()

    def ask(run_id: str, digest: str, expires_at: str, requested_by: str, token: str) -> None:
        moment = datetime.fromisoformat(expires_at)
        world.runs.ask(run_id, token=token, manifest_digest=digest, expires_at=moment, requested_by=requested_by)

    return RunsScene(world.runs, ask)


def lake() -> LakeScene:
    world = World()
    return LakeScene(world.lake, world.staging)


def catalog() -> CatalogScene:
    world = World()

    def query(name: str) -> list[str]:
        keys = [key for folder in world.catalog.registered[name].values() for key in world.staging.list_keys(folder)]
        return [node for key in keys for node in world.staging.get_table(key).column("node_id").to_pylist()]

    def folder_of(name: str, lob: str) -> str:
        return world.catalog.registered[name][lob]

    return CatalogScene(world.catalog, world.staging, folder_of, query)


def executions() -> ExecutionsScene:
    fake = World().executions

    def end(lob: str, run_id: str, error: str = "", cause: str = "") -> None:
        fake.end(run_id, **({"Error": error, "Cause": cause} if error else {}))

    return ExecutionsScene(fake, end)


def mail() -> MailScene:
    fake = World().mailer

    def close() -> None:
        fake.is_down = True

    return MailScene(fake, lambda: fake.sent, close)


SCENES: dict[str, Callable[[], object]] = {
    scene.__name__: scene for scene in (landing, staging, audit, runs, lake, catalog, executions, mail)
}
