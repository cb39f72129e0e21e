"""What must work with nothing but a family's layers: `python -I -S smoke.py FAMILY FUNCTIONS... -- FOLDERS...`.

Run with the Python of the layers' target, under an emulator if need be. It ends with one line of JSON, or fails.
FOLDERS stand for Lambda's path: the third-party layer, the core layer, and what Lambda's runtime brings (the AWS SDK).
"""

import importlib.util
import json
import os
import pkgutil
import platform
import sys
import time
import zoneinfo
from pathlib import Path

#: What only the other family holds; a module of ours that wants it is none of this family's.
ELSEWHERE = {
    "engine": {"awswrangler", "jinja2", "jwt", "markupsafe", "pyiceberg"},
    "lake": {"duckdb", "openpyxl"},
}
#: Modules of ours the engine's functions reach besides those named after them (lazily, by `aws.wiring`).
NEEDED = {
    "engine": ("app.normalizing", "aws.clock", "aws.dynamo_runs", "aws.s3_landing", "aws.s3_staging"),
    "lake": ("aws.glue_catalog", "aws.iceberg_lake", "aws.oidc", "aws.pages", "aws.ses_mail", "app.starting"),
}
ENVIRONMENT = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_LAMBDA_FUNCTION_NAME": "smoke",
    "POWERTOOLS_SERVICE_NAME": "smoke",
}
HERE = Path(__file__).resolve().parent
FUNCTIONS = HERE.parent / "functions"
SAMPLE = HERE.parent / "sample" / "medicare_advantage" / "2025_06" / "MA_Contract_directory_2025_06.csv"


def import_handlers(functions: list[str]) -> None:
    """Each function's handler, as Lambda imports it."""
    for name in functions:
        spec = importlib.util.spec_from_file_location(f"handler_of_{name}", FUNCTIONS / name / "handler.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert callable(module.handler), name


def import_our_modules(family: str) -> int:
    """Every module of ours that does not want a package of the other family; those needed must be among them."""
    import fivetier

    imported = set()
    for module in pkgutil.walk_packages(fivetier.__path__, "fivetier."):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            if str(error.name).split(".")[0] not in ELSEWHERE[family]:
                raise
        else:
            imported.add(module.name.removeprefix("fivetier."))
    assert imported >= set(NEEDED[family]), set(NEEDED[family]) - imported
    return len(imported)


def parquet_survives() -> None:
    """Rows go through our own writer and every codec we may meet, and come back equal."""
    import io

    import pyarrow as pa
    import pyarrow.compute
    import pyarrow.dataset
    import pyarrow.parquet as pq
    from fivetier.aws.parquet import from_parquet, to_parquet

    rows = pa.table({"node_id": ["a", "b", None], "tier": pa.array([1, 2, 5], pa.int32())})
    assert from_parquet(to_parquet(rows)).to_pydict() == rows.to_pydict()
    for codec in ("zstd", "snappy", "gzip", "brotli", "lz4", "none"):
        sink = io.BytesIO()
        pq.write_table(rows, sink, compression=codec)
        assert pq.read_table(io.BytesIO(sink.getvalue())).equals(rows), codec
    assert pa.compute.sum(rows["tier"]).as_py() == 8
    assert pa.dataset.dataset(rows).to_table(filter=pa.dataset.field("tier") > 1).num_rows == 2


def engine_works() -> None:
    """A landed CSV and a workbook are read by our own readers, over DuckDB."""
    import csv
    import io

    import openpyxl
    from fivetier.aws.parquet import from_parquet, to_parquet
    from fivetier.feeds.mapping import mapping_of
    from fivetier.feeds.reader import read_feed

    source, lob = "cms_ma_contract_directory", "medicare_advantage"
    plain = SAMPLE.read_bytes()
    workbook = openpyxl.Workbook(write_only=True)
    sheet = workbook.create_sheet()
    for line in csv.reader(io.StringIO(plain.decode())):
        sheet.append(line)
    packed = io.BytesIO()
    workbook.save(packed)
    for name, data in ((SAMPLE.name, plain), (SAMPLE.with_suffix(".xlsx").name, packed.getvalue())):
        batch = read_feed(data, file_name=name, mapping=mapping_of(source), run_id="smoke", lob=lob)
        assert batch.rows.num_rows > 0, name
        assert from_parquet(to_parquet(batch.rows)).num_rows == batch.rows.num_rows, name


def lake_works() -> None:
    """An Iceberg manifest, a data frame, a signed token, a page's template, a time zone."""
    import jwt
    import pyarrow as pa
    from cryptography.hazmat.primitives.asymmetric import rsa
    from fivetier.aws.iceberg_tables import schema_of
    from fivetier.domain.tables import HIERARCHY_NODE
    from fivetier.web.environment import environment
    from pyiceberg.avro.codecs import KNOWN_CODECS
    from pyiceberg.avro.decoder import new_decoder
    from pyiceberg.catalog.glue import GlueCatalog
    from pyiceberg.transforms import BucketTransform
    from pyiceberg.types import StringType

    assert GlueCatalog.__module__ and schema_of(HIERARCHY_NODE).fields
    assert "CythonBinaryDecoder" in type(new_decoder(b"\x02")).__name__
    packed, _ = KNOWN_CODECS["zstandard"].compress(b"manifest")
    assert KNOWN_CODECS["zstandard"].decompress(packed) == b"manifest"
    assert BucketTransform(16).transform(StringType())("iceberg") is not None
    assert pa.table({"a": [1, 2]}).to_pandas()["a"].sum() == 3
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    token = jwt.encode({"sub": "ada"}, key, algorithm="RS256")
    assert jwt.decode(token, key.public_key(), algorithms=["RS256"]) == {"sub": "ada"}
    assert environment().list_templates()
    zoneinfo.ZoneInfo("America/New_York")


def strangers(folders: list[str]) -> list[str]:
    """Loaded modules that neither the layers, the functions nor Python's own library brought."""
    ours, library = (*folders, str(HERE), str(FUNCTIONS)), str(Path(os.__file__).parent)
    files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    return sorted(
        name
        for name, file in files.items()
        if file and not file.startswith(ours) and ("-packages" in file or not file.startswith(library))
    )


def main(arguments: list[str]) -> None:
    """Try one family."""
    cut = arguments.index("--")
    family, functions, folders = arguments[0], arguments[1:cut], arguments[cut + 1 :]
    os.environ.update(ENVIRONMENT)
    sys.path[:0] = folders
    zoneinfo.reset_tzpath([])  # Amazon Linux may come without zones
    before = time.monotonic()
    import_handlers(functions)
    seconds = time.monotonic() - before
    count = import_our_modules(family)
    parquet_survives()
    {"engine": engine_works, "lake": lake_works}[family]()
    assert not strangers(folders), f"not from the layers: {strangers(folders)}"
    told = {"family": family, "machine": platform.machine(), "python": platform.python_version()}
    told |= {"handlers": len(functions), "seconds_of_handlers": round(seconds, 2), "modules": count}
    sys.stdout.write(json.dumps(told) + "\n")


main(sys.argv[1:])
