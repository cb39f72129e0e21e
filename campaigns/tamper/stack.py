"""The same on the local stack: real S3 versions and Object Lock, real Iceberg tables in Glue."""

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from fivetier.domain.tables import HIERARCHY_NODE, RELEASE

from campaigns.scoring import Score
from campaigns.tamper.attacks import flipped
from tests.support.cli import run
from tests.support.cms import directory, entries
from tests.support.deployed import deployed_pipeline
from tests.support.pipeline import Pipeline

LOB = "medicare_advantage"
AUDIT_SAMPLE = 7


@dataclass(frozen=True)
class _Folders:
    """What the stack asks pytest's factory for."""

    root: Path

    def mktemp(self, name: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=name, dir=self.root))


@dataclass(frozen=True)
class _Object:
    """One stored object with the versions it has while nobody touches it."""

    s3: Any
    kind: str
    bucket: str
    key: str

    def versions(self) -> list[str]:
        found = self.s3.list_object_versions(Bucket=self.bucket, Prefix=self.key)
        every = [*found.get("Versions", []), *found.get("DeleteMarkers", [])]
        return [version["VersionId"] for version in every if version["Key"] == self.key]

    def write_over(self) -> None:
        data = self.s3.get_object(Bucket=self.bucket, Key=self.key)["Body"].read()
        self.s3.put_object(Bucket=self.bucket, Key=self.key, Body=flipped(data))

    def delete(self) -> None:
        self.s3.delete_object(Bucket=self.bucket, Key=self.key)

    def delete_versions(self) -> None:
        for version in self.versions():
            self.s3.delete_object(Bucket=self.bucket, Key=self.key, VersionId=version)

    def restore(self, versions: list[str]) -> None:
        for version in self.versions():
            if version not in versions:
                self.s3.delete_object(Bucket=self.bucket, Key=self.key, VersionId=version)


def on_the_stack(seed: int) -> list[Score]:
    """Publish twice, then alter what is stored, one thing after the other."""
    deployed: Any = contextmanager(deployed_pipeline)
    with tempfile.TemporaryDirectory() as name, deployed(_Folders(Path(name))) as pipeline:
        folder = Path(name)
        runs = [pipeline.publish(pipeline.next_month(), directory(entries(n))) for n in (12, 15)]
        if problems := _problems(pipeline, folder):
            raise SystemExit(f"the untouched stack does not verify: {problems}")
        objects, tables = _on_objects(pipeline, runs, folder), _on_tables(pipeline, runs, folder)
        return [*objects, *tables, *_on_chain(pipeline, folder, seed)]


def _problems(pipeline: Pipeline, folder: Path) -> list[str]:
    """Export, then verify the copy without the stack."""
    copy = folder / "evidence"
    shutil.rmtree(copy, ignore_errors=True)
    exported = pipeline.command("audit", "export", str(copy), "--json")
    if exported.exit_code:
        return [f"the export failed: {exported.err.strip()}"]
    found: list[str] = run("audit", "verify", "--from", str(copy), "--json").json["problems"]
    return found


def _scored(kind: str, mutation: str, target: str, problems: list[str]) -> Score:
    facts = {"mutation": mutation, "limit": None, "said": "".join(problems[:1])[:200]}
    misses = () if problems else (f"not detected ({target})",)
    outcome = "detected" if problems else "not detected"
    return Score(f"stack: {kind}", f"{mutation}: {target}", outcome, misses, facts)


def _objects(runs: list[str]) -> Iterator[_Object]:
    from fivetier.aws import clients, s3_objects
    from fivetier.aws.wiring import settings

    s3, need = clients.client("s3"), settings().need
    staging, lake = need("staging_bucket"), need("lake_bucket")
    for run_id in runs:
        yield _Object(s3, "manifest", staging, f"staging/{run_id}/manifest.json")
        yield _Object(s3, "report", staging, f"staging/{run_id}/report.json")
        for key in s3_objects.list_keys(s3, staging, f"staging/{run_id}/"):
            if key.endswith("part-00000.parquet"):
                yield _Object(s3, "staged file", staging, key)
        yield _Object(s3, "release row", lake, f"lake/{RELEASE.name}/{LOB}/{run_id}.parquet")
    for key in s3_objects.list_keys(s3, lake, "lake/"):
        if any(f"/{run_id}/part-" in key for run_id in runs):
            yield _Object(s3, "published file", lake, key)


def _on_objects(pipeline: Pipeline, runs: list[str], folder: Path) -> Iterator[Score]:
    for stored in _objects(runs):
        before = stored.versions()
        for mutation, attack in {"write over": stored.write_over, "delete": stored.delete}.items():
            attack()
            yield _scored(stored.kind, mutation, stored.key, _problems(pipeline, folder))
            stored.restore(before)


def _on_chain(pipeline: Pipeline, folder: Path, seed: int) -> Iterator[Score]:
    """Last, for what is written into the chain's bucket stays there: each must bring a problem of its own."""
    from fivetier.aws import clients, s3_objects
    from fivetier.aws.wiring import settings

    s3, bucket = clients.client("s3"), settings().need("audit_bucket")
    chain = s3_objects.list_keys(s3, bucket, f"audit/{LOB}/")
    chosen = [*random.Random(seed).sample(chain[:-1], AUDIT_SAMPLE), chain[-1]]
    for n, key in enumerate(chosen):
        stored = _Object(s3, "audit object", bucket, key)
        yield _locked(stored)
        before = _problems(pipeline, folder)
        mutation, attack = (("write over", stored.write_over), ("delete", stored.delete))[n % 2]
        attack()
        new = [problem for problem in _problems(pipeline, folder) if problem not in before]
        yield _scored(stored.kind, mutation, key, new)


def _locked(stored: _Object) -> Score:
    """Object Lock: nobody deletes the first version before its time."""
    try:
        stored.delete_versions()
    except ClientError as refused:
        facts = {"mutation": "delete every version", "limit": None, "said": str(refused)[:200]}
        return Score("stack: audit object", f"delete every version: {stored.key}", "refused by the store", (), facts)
    return _scored(stored.kind, "delete every version", stored.key, [])


# ---- with the rights of a table's writer -----------------------------------------------------------------


def _on_tables(pipeline: Pipeline, runs: list[str], folder: Path) -> Iterator[Score]:
    first, last = (f"lake/{RELEASE.name}/{LOB}/{run_id}.parquet" for run_id in runs)
    for mutation, change in {
        "replay": lambda: _set_row(first),
        "commit another row": lambda: _set_row(_forged_row(last)),
    }.items():
        change()
        yield _scored("release row", mutation, "table release", _problems(pipeline, folder))
        _set_row(last)
    after = _problems(pipeline, folder)
    if after:
        raise SystemExit(f"the stack does not verify after its rows were set back: {after}")
    _attach_a_file(runs[-1])
    yield _scored("published file", "commit one more", f"table {HIERARCHY_NODE.name}", _problems(pipeline, folder))


def _table(name: str) -> Any:
    from fivetier.aws import wiring

    lake: Any = wiring.lake()
    return lake._catalog.load_table((wiring.settings().need("lake_database"), name))


def _set_row(key: str) -> None:
    """Point table `release` at another row's object, in one snapshot, as a publication does."""
    from fivetier.aws import iceberg_commit
    from fivetier.aws.wiring import settings

    table, of_lob = _table(RELEASE.name), iceberg_commit.equals("lob", LOB)
    path = f"s3://{settings().need('lake_bucket')}/{key}"
    new = iceberg_commit.describe(table, path, rows=1, partition=(LOB,))
    iceberg_commit.replace(table, of_lob, iceberg_commit.files_of(table, of_lob), new, {})


def _copy(key: str, to: str, change: Callable[[bytes], bytes]) -> str:
    from fivetier.aws import clients
    from fivetier.aws.wiring import settings

    s3, bucket = clients.client("s3"), settings().need("lake_bucket")
    s3.put_object(Bucket=bucket, Key=to, Body=change(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))
    return to


def _forged_row(key: str) -> str:
    """The current row with another signer, under a key nobody looks at."""
    import pyarrow as pa
    from fivetier.aws.parquet import from_parquet, to_parquet

    def forge(data: bytes) -> bytes:
        rows = from_parquet(data)
        at = rows.column_names.index("signers")
        signers = pa.array([rows["signers"][0].as_py().replace("data_lead=", "data_lead=mallory-")], pa.string())
        return to_parquet(rows.set_column(at, rows.schema.field(at), signers))

    return _copy(key, "lake/forged/row.parquet", forge)


def _attach_a_file(run_id: str) -> None:
    from fivetier.aws import iceberg_commit
    from fivetier.aws.wiring import settings

    folder = f"lake/{HIERARCHY_NODE.name}/{run_id}"
    key = _copy(f"{folder}/part-00000.parquet", f"{folder}/part-00009.parquet", bytes)
    table = _table(HIERARCHY_NODE.name)
    path = f"s3://{settings().need('lake_bucket')}/{key}"
    rows = iceberg_commit.files_of(table, iceberg_commit.equals("release_id", run_id))[0].record_count
    added = iceberg_commit.describe(table, path, rows=rows, partition=(LOB, run_id))
    iceberg_commit.append(table, [added], {})
