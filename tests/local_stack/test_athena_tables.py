"""Athena on the tables of the lake: Parquet, partitions, Iceberg, views, workgroups."""

from __future__ import annotations

import base64
import json
from typing import Any

import awswrangler as wr
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import CommitFailedException

from tests.support.emulator import Aws, Sql, unique

PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}
JSON_SERDE = {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"}
PLANS = pa.table(
    {
        "contract_id": ["H0001", "H0002", "H0003"],
        "members": pa.array([10, 20, None], pa.int64()),
        "premium": pa.array([1.5, 2.5, 3.5], pa.float64()),
    }
)
COLUMNS = [
    {"Name": "contract_id", "Type": "string"},
    {"Name": "members", "Type": "bigint"},
    {"Name": "premium", "Type": "double"},
]


def name_of(prefix: str) -> str:
    return unique(prefix).replace("-", "_")


def write(aws: Aws, location: str, rows: pa.Table) -> None:
    endpoint = aws.stack.endpoint_url
    files = pafs.S3FileSystem(access_key="test", secret_key="test", endpoint_override=endpoint, region="us-east-1")
    pq.write_table(rows, location.removeprefix("s3://") + "part-0.parquet", filesystem=files)


def create(aws: Aws, database: str, name: str, location: str, **fields: Any) -> str:
    storage = {**PARQUET, "Columns": COLUMNS, "Location": location}
    table = {"Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage, **fields}
    aws.client("glue").create_table(DatabaseName=database, TableInput=table)
    return name


@pytest.fixture(scope="module")
def plans(aws: Aws, database: str, lake_bucket: str) -> str:
    """An external table with one file."""
    location = f"s3://{lake_bucket}/plans/"
    write(aws, location, PLANS)
    return create(aws, database, "plans", location)


@pytest.fixture(scope="module")
def catalog(aws: Aws) -> Catalog:
    endpoint = aws.stack.endpoint_url
    options = {"glue.endpoint": endpoint, "s3.endpoint": endpoint}
    for service in ("glue", "s3"):
        options |= {f"{service}.region": "us-east-1", f"{service}.access-key-id": "test"}
        options[f"{service}.secret-access-key"] = "test"
    return load_catalog("test", type="glue", **options)


@pytest.fixture(scope="module")
def releases(catalog: Catalog, database: str, lake_bucket: str) -> str:
    """An Iceberg table with one snapshot."""
    table = catalog.create_table((database, "releases"), schema=PLANS.schema, location=f"s3://{lake_bucket}/releases")
    table.append(PLANS)
    return "releases"


def test_a_parquet_table_is_read(sql: Sql, plans: str) -> None:
    """https://docs.aws.amazon.com/athena/latest/ug/columnar-storage.html."""
    rows = sql.rows(f"SELECT contract_id, members, premium FROM {plans} ORDER BY 1")
    assert rows == [("H0001", "10", "1.5"), ("H0002", "20", "2.5"), ("H0003", None, "3.5")]
    assert sql.rows(f"SELECT count(*) FROM {plans} WHERE members > 10") == [("1",)]


def test_the_result_names_and_types_are_athenas(aws: Aws, sql: Sql, plans: str) -> None:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_ColumnInfo.html."""
    query = f"SELECT contract_id, members, premium, cast(members AS decimal(12,2)) AS d, 1 AS one FROM {plans}"
    query_id = sql.execute(query)["QueryExecutionId"]
    results = aws.client("athena").get_query_results(QueryExecutionId=query_id)["ResultSet"]
    info = results["ResultSetMetadata"]["ColumnInfo"]
    assert [each["Type"] for each in info] == ["varchar", "bigint", "double", "decimal", "integer"]
    assert (info[3]["Precision"], info[3]["Scale"]) == (12, 2)


def test_only_registered_partitions_are_seen(aws: Aws, sql: Sql, database: str, lake_bucket: str) -> None:
    """https://docs.aws.amazon.com/athena/latest/ug/partitions.html."""
    location = f"s3://{lake_bucket}/by-month/"
    name = create(aws, database, name_of("by_month"), location, PartitionKeys=[{"Name": "month", "Type": "int"}])
    assert sql.rows(f"SELECT count(*) FROM {name}") == [("0",)]
    for month in ("9", "10", "11"):
        write(aws, f"{location}month={month}/", PLANS)
    for month in ("9", "10"):
        storage = {**PARQUET, "Columns": COLUMNS, "Location": f"{location}month={month}/"}
        aws.client("glue").create_partition(
            DatabaseName=database,
            TableName=name,
            PartitionInput={"Values": [month], "StorageDescriptor": storage},
        )
    query = f"SELECT month, count(*) AS n FROM {name} WHERE month >= 9 GROUP BY month ORDER BY month"
    assert sql.rows(query) == [("9", "3"), ("10", "3")]


def test_an_iceberg_table_is_read_at_its_current_snapshot(
    sql: Sql, catalog: Catalog, database: str, releases: str
) -> None:
    """https://docs.aws.amazon.com/athena/latest/ug/querying-iceberg.html."""
    assert sql.rows(f"SELECT sum(members) AS s FROM {releases}") == [("30",)]
    table = catalog.load_table((database, releases))
    table.append(PLANS)
    assert sql.rows(f"SELECT sum(members) AS s FROM {releases}") == [("60",)]


def test_one_of_two_iceberg_writers_loses(catalog: Catalog, database: str, lake_bucket: str) -> None:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTable.html (VersionId)."""
    name = name_of("contested")
    catalog.create_table(
        (database, name),
        schema=PLANS.schema,
        location=f"s3://{lake_bucket}/{name}",
        properties={"commit.retry.num-retries": "0"},
    )
    one = catalog.load_table((database, name))
    other = catalog.load_table((database, name))
    one.append(PLANS)
    with pytest.raises(CommitFailedException):
        other.append(PLANS)
    assert catalog.load_table((database, name)).scan().to_arrow().num_rows == 3


def test_glue_refuses_a_stale_version(aws: Aws, catalog: Catalog, database: str, lake_bucket: str) -> None:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTable.html."""
    glue, name = aws.client("glue"), name_of("stale")
    create(aws, database, name, f"s3://{lake_bucket}/{name}/")
    version = glue.get_table(DatabaseName=database, Name=name)["Table"]["VersionId"]
    update = {"DatabaseName": database, "TableInput": {"Name": name}, "VersionId": version}
    glue.update_table(**update)
    with pytest.raises(glue.exceptions.ConcurrentModificationException):
        glue.update_table(**update)


def test_a_view_over_parquet_and_iceberg(aws: Aws, sql: Sql, database: str, plans: str, releases: str) -> None:
    """https://docs.aws.amazon.com/athena/latest/ug/views.html."""
    view, upper = name_of("v_members"), name_of("v_upper")
    query = f"SELECT p.contract_id, r.members FROM {plans} p JOIN {releases} r ON p.contract_id = r.contract_id"
    sql.rows(f"CREATE OR REPLACE VIEW {view} AS {query}")
    sql.rows(f"CREATE VIEW {upper} AS SELECT max(members) AS most FROM {view}")
    assert sql.rows(f"SELECT most FROM {upper}") == [("20",)]
    stored = aws.client("glue").get_table(DatabaseName=database, Name=view)["Table"]
    assert stored["TableType"] == "VIRTUAL_VIEW"
    encoded = stored["ViewOriginalText"].removeprefix("/* Presto View: ").removesuffix(" */")
    decoded = json.loads(base64.b64decode(encoded))
    assert (decoded["originalSql"], decoded["schema"]) == (query, database)
    assert decoded["columns"] == [
        {"name": "contract_id", "type": "varchar"},
        {"name": "members", "type": "bigint"},
    ]
    assert "ALREADY_EXISTS" in sql.failure(f"CREATE VIEW {view} AS SELECT 1 AS x")
    sql.rows(f"DROP VIEW {upper}")
    assert "TABLE_NOT_FOUND" in sql.failure(f"SELECT * FROM {upper}")
    assert "TABLE_NOT_FOUND" in sql.failure(f"DROP VIEW {upper}")
    sql.rows(f"DROP VIEW IF EXISTS {upper}")


def test_a_view_of_a_missing_table_is_not_created(sql: Sql) -> None:
    """https://docs.aws.amazon.com/athena/latest/ug/create-view.html."""
    assert "TABLE_NOT_FOUND" in sql.failure("CREATE VIEW broken AS SELECT * FROM no_such_table")


def test_create_table_as_writes_parquet(sql: Sql, lake_bucket: str, plans: str) -> None:
    """https://docs.aws.amazon.com/athena/latest/ug/create-table-as.html."""
    name, location = name_of("copied"), f"s3://{lake_bucket}/{name_of('copy')}/"
    options = f"external_location = '{location}', format = 'PARQUET'"
    statement = f"CREATE TABLE {name} WITH ({options}) AS SELECT contract_id, members FROM {plans}"
    sql.rows(statement)
    assert sql.rows(f"SELECT count(*), sum(members) FROM {name}") == [("3", "30")]
    assert "TABLE_ALREADY_EXISTS" in sql.failure(statement)
    assert "HIVE_PATH_ALREADY_EXISTS" in sql.failure(statement.replace(name, name_of("other")))
    elsewhere = name_of("default_place")
    sql.rows(f"CREATE TABLE {elsewhere} AS SELECT 1 AS x")
    assert sql.rows(f"SELECT x FROM {elsewhere}") == [("1",)]


def test_show_tables_and_drop_table(sql: Sql, plans: str) -> None:
    """https://docs.aws.amazon.com/athena/latest/ug/show-tables.html."""
    name = name_of("shown")
    sql.rows(f"CREATE TABLE {name} AS SELECT 1 AS x")
    assert (plans,) in sql.rows("SHOW TABLES")
    assert sql.rows(f"SHOW TABLES '{name[:-1]}*'") == [(name,)]
    sql.rows(f"DROP TABLE {name}")
    assert sql.rows(f"SHOW TABLES '{name}'") == []


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"Parameters": {"projection.enabled": "true"}}, "partition projection"),
        (
            {"StorageDescriptor": {"Columns": COLUMNS, "SerdeInfo": {"SerializationLibrary": "x.JsonSerDe"}}},
            "JsonSerDe",
        ),
    ],
)
def test_a_table_that_is_not_read_faithfully_is_refused(
    aws: Aws, sql: Sql, database: str, lake_bucket: str, fields: dict[str, Any], reason: str
) -> None:
    name = create(aws, database, name_of("odd"), f"s3://{lake_bucket}/odd/", **fields)
    assert reason in sql.failure(f"SELECT * FROM {name}")


def test_a_column_in_another_case_is_refused_not_null(aws: Aws, sql: Sql, database: str, lake_bucket: str) -> None:
    location = f"s3://{lake_bucket}/{name_of('case')}/"
    write(aws, location, PLANS.rename_columns(["Contract_ID", "members", "premium"]))
    name = create(aws, database, name_of("other_case"), location)
    assert "Contract_ID" in sql.failure(f"SELECT contract_id FROM {name}")


def test_a_workgroup_can_enforce_where_results_go(aws: Aws, database: str, lake_bucket: str) -> None:
    """https://docs.aws.amazon.com/athena/latest/ug/workgroups-settings-override.html."""
    athena, name = aws.client("athena"), unique("analysts")
    enforced = f"s3://{lake_bucket}/enforced"
    athena.create_work_group(
        Name=name,
        Configuration={
            "ResultConfiguration": {"OutputLocation": enforced},
            "EnforceWorkGroupConfiguration": True,
        },
    )
    query_id = athena.start_query_execution(
        QueryString="SELECT 'a' AS s, cast(NULL AS varchar) AS n",
        WorkGroup=name,
        ResultConfiguration={"OutputLocation": "s3://no-such-bucket/"},
    )["QueryExecutionId"]
    wr.athena.wait_query(query_id)
    found = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
    assert found["Status"]["State"] == "SUCCEEDED"
    assert found["ResultConfiguration"]["OutputLocation"] == f"{enforced}/{query_id}.csv"
    stored = aws.client("s3").get_object(Bucket=lake_bucket, Key=f"enforced/{query_id}.csv")
    assert stored["Body"].read() == b'"s","n"\n"a",\n'


def test_an_unknown_workgroup_is_refused(aws: Aws) -> None:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html."""
    with pytest.raises(ClientError, match="not found"):
        aws.client("athena").start_query_execution(QueryString="SELECT 1", WorkGroup="nobody")


def test_a_result_that_cannot_be_written_fails_the_query(aws: Aws) -> None:
    """https://docs.aws.amazon.com/athena/latest/ug/querying.html."""
    athena = aws.client("athena")
    query_id = athena.start_query_execution(
        QueryString="SELECT 1 AS x", ResultConfiguration={"OutputLocation": "s3://no-such-bucket/"}
    )["QueryExecutionId"]
    with pytest.raises(wr.exceptions.QueryFailed, match="no-such-bucket"):
        wr.athena.wait_query(query_id)


# awswrangler 3.17.1 still passes pandas' old copy argument.
@pytest.mark.filterwarnings("ignore:The copy keyword is deprecated:pandas.errors.Pandas4Warning")
def test_awswrangler_reads_a_query(database: str, lake_bucket: str, plans: str) -> None:
    """https://aws-sdk-pandas.readthedocs.io/en/3.17.1/stubs/awswrangler.athena.read_sql_query.html."""
    frame = wr.athena.read_sql_query(
        f"SELECT contract_id, members, premium, cast(members AS decimal(12,2)) AS d FROM {plans} ORDER BY 1",
        database=database,
        ctas_approach=False,
        s3_output=f"s3://{lake_bucket}/wrangler/",
    )
    assert list(frame["contract_id"]) == ["H0001", "H0002", "H0003"]
    assert frame["members"].sum() == 30
    assert str(frame["d"][0]) == "10.00"


def test_awswrangler_reads_the_catalog(aws: Aws, database: str, plans: str) -> None:
    """https://aws-sdk-pandas.readthedocs.io/en/3.17.1/api.html#aws-glue-catalog."""
    assert wr.catalog.get_table_types(database=database, table=plans) == {
        "contract_id": "string",
        "members": "bigint",
        "premium": "double",
    }
    assert plans in {each["Name"] for each in wr.catalog.get_tables(database=database)}
    assert wr.catalog.does_table_exist(database=database, table=plans)
