"""The declared mapping: how a file of one source becomes canonical rows (DECISIONS, Mapping; DOMAIN §8).

A new file shape is a new YAML file in `mappings/`, or a new spelling in one; never code that knows a source.
"""

import re
from collections.abc import Iterable
from collections.abc import Mapping as ReadOnly
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fivetier.domain.errors import InvalidMapping
from fivetier.domain.periods import PlanYear, parse_period
from fivetier.domain.tables import NORMALIZED_ROW
from fivetier.domain.tiers import Lob
from fivetier.feeds import sql
from fivetier.feeds.catalog import require_source
from fivetier.feeds.records import MAX_CELLS
from fivetier.feeds.spelling import header_keys, matches_pattern, plan_year_in
from fivetier.feeds.transforms import REGISTRY

Format = Literal["csv", "xlsx", "json", "parquet"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Code = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_.]*$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
PeriodText = Annotated[str, Field(pattern=r"^20[0-9]{2}(_(0[1-9]|1[0-2]))?$")]

#: Columns of NORMALIZED_ROW the reader fills itself; a mapping never does.
READER_COLUMNS = frozenset({"lob", "source", "source_object", "row_number", "trace_id"})
_TYPE_OF = {c.name: c.type for c in NORMALIZED_ROW.columns if c.name not in READER_COLUMNS}


_YEAR = re.compile(r"20[0-9]{2}")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Transform(_Strict):
    """From cleaned text to the canonical value: a name in `transforms.REGISTRY`, or DuckDB SQL over `value`.

    SQL that gives null refuses the cell. `with` names fields declared before this one whose canonical values the
    transform also needs.
    """

    lang: Literal["sql", "python"]
    expr: str
    with_: tuple[Name, ...] = Field(default=(), alias="with")


class FieldMapping(_Strict):
    """One row of the mapping specification.

    A spelling in `source_path` may hold `{plan_year}` or `{previous_year}` where the header carries a year. Under
    null_rule `period` a blank takes the plan year of the file. `unknown_stops` names the rule by which a value the
    transform cannot read stops the run instead of quarantining its row.
    """

    canonical_field: Name
    source_path: Annotated[tuple[str, ...], Field(min_length=1)]
    transform: Transform
    null_rule: Literal["required", "allow", "default", "period"]
    default: str | None = None
    required: bool
    reason_code: Code = "VALUE_UNREADABLE"
    missing_code: Code = "REQUIRED_FIELD_MISSING"
    unknown_stops: Code | None = None
    example_in: str
    example_with: dict[Name, str] = Field(default_factory=dict)
    example_out: str | None

    def keys(self, plan_year: int | None) -> frozenset[str]:
        """The accepted headers, as they are compared, in a file whose headers carry this plan year."""
        return header_keys(self.source_path, plan_year)

    @property
    def sql_type(self) -> sql.SqlType:
        """The type of the canonical value; working columns are text."""
        return sql.TYPES[_TYPE_OF.get(self.canonical_field, "text")]

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if (self.null_rule == "default") != (self.default is not None):
            raise ValueError("`default` is given exactly when null_rule is default")
        if self.transform.lang == "python" and self.transform.expr not in REGISTRY:
            raise ValueError(f"no transform is named {self.transform.expr!r}; known are {', '.join(sorted(REGISTRY))}")
        if set(self.example_with) != set(self.transform.with_):
            raise ValueError("example_with must give exactly what the transform takes under `with`")
        return self


class SuppressRule(_Strict):
    """Rows a rule keeps out: SQL over canonical fields as text, `run_lob` and `file_year`. First that holds wins.

    `file_year` is the plan year a file of several is read for; only a mapping with `lag_years` knows it.
    """

    rule_id: Code
    when: str
    why: str


class OnePerRule(_Strict):
    """What must not have two values in one file: rows of such an `each` are all quarantined, for one of them lies."""

    each: Name
    one: Name
    reason_code: Code
    why: str


class PeriodRules(_Strict):
    """Where the file says which month or plan year it is of (R1.10).

    In this order: a field, the year its headers carry, its SHA-256 where it is registered here, a title row, its name.
    Where `unknown` is refuse, a file that says nothing is refused; else it is taken at its slot. With `lag_years` a
    file may be of several plan years and come late: the latest year that is not after the run's counts, and the file
    is right for every month a file of that year serves (`periods.PlanYear`) and for so many years after it.
    """

    grain: Literal["month", "plan_year"] = "month"
    unknown: Literal["slot", "refuse"] = "slot"
    field: Name | None = None
    registered: dict[Sha256, PeriodText] = Field(default_factory=dict)
    lag_years: Annotated[int, Field(ge=0, le=5)] | None = None
    title_patterns: tuple[str, ...] = ()
    file_name_patterns: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _lag_has_its_field(self) -> Self:
        if self.lag_years is not None and (self.grain, self.field) != ("plan_year", "plan_year"):
            raise ValueError("lag_years needs grain plan_year and its field plan_year")
        return self

    @model_validator(mode="after")
    def _patterns_name_a_period(self) -> Self:
        for period in self.registered.values():
            if isinstance(parse_period(period), PlanYear) != (self.grain == "plan_year"):
                raise ValueError(f"{period!r} is registered, which is no {self.grain}")
        for pattern in (*self.title_patterns, *self.file_name_patterns):
            try:
                groups = re.compile(pattern).groupindex.keys()
            except re.error as broken:
                raise ValueError(f"pattern {pattern!r} is no regular expression: {broken}") from broken
            if "year" not in groups or (self.grain == "month" and not groups & {"month", "month_name"}):
                raise ValueError(f"pattern {pattern!r} needs a group `year`, and for a month `month` or `month_name`")
        return self


class FeedVersionRule(_Strict):
    """Which field carries the feed's own version, and the major version read here."""

    field: Name
    major: int


class RecordLayout(_Strict):
    """How nested JSON is laid out as rows (`feeds/layout.py` does it and says what counts as one row).

    `path` is the key of the document under which the list stands, `keep` are keys beside it every row repeats. A list
    named in `explode` gives a row per element, its keys under dotted headers: `reporting_plans.plan_id`. A list within
    an exploded one is named with its dots. Without a layout a document is one list of objects, one row each.
    """

    path: str | None = None
    keep: tuple[str, ...] = ()
    explode: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if self.keep and self.path is None:
            raise ValueError("`keep` names keys beside the list at `path`, so it needs a `path`")
        inner = [name for name in self.explode if "." in name and name.rsplit(".", 1)[0] not in self.explode]
        if inner:
            raise ValueError(f"{inner} stand within lists that are not exploded themselves")
        return self


class Mapping(_Strict):
    """One source's mapping: header and fields.

    `key` and `agree_on` find duplicates; `subject` names the id a quarantined row speaks of, best first.
    `contact_columns` are patterns of columns dropped at the door; `evidence_columns` are read by no field but known to
    be harmless, so quarantine keeps their cells. `working_columns` are read to judge a row and not stored. `max_cells`
    is given where a text file of the source may hold more cells than others.
    """

    name: Name
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    lobs: Annotated[tuple[Lob, ...], Field(min_length=1)]
    title: str
    formats: Annotated[tuple[Format, ...], Field(min_length=1)]
    records: RecordLayout = RecordLayout()
    max_cells: Annotated[int, Field(gt=MAX_CELLS, le=20_000_000)] | None = None
    key: Annotated[tuple[Name, ...], Field(min_length=1)]
    agree_on: tuple[Name, ...]
    subject: Annotated[tuple[Name, ...], Field(min_length=1)]
    null_values: tuple[str, ...]
    contact_columns: tuple[str, ...]
    evidence_columns: tuple[str, ...] = ()
    working_columns: tuple[Name, ...] = ()
    period: PeriodRules
    feed_version: FeedVersionRule | None = None
    suppress: tuple[SuppressRule, ...] = ()
    one_per: tuple[OnePerRule, ...] = ()
    fields: Annotated[tuple[FieldMapping, ...], Field(min_length=1)]

    def field(self, canonical_field: str) -> FieldMapping:
        """The field of that name."""
        return next(f for f in self.fields if f.canonical_field == canonical_field)

    def plan_years(self, headers: Iterable[str]) -> list[int | None]:
        """The plan years headers may be read for, the newest first; where no spelling carries a year just None."""
        yearly = [spelling for f in self.fields for spelling in f.source_path if "_year}" in spelling]
        dated = [header for header in headers if yearly and _YEAR.search(header)]
        found = {year for header in dated for spelling in yearly if (year := plan_year_in(header, spelling))}
        return [*sorted(found, reverse=True)] or [None]

    def is_contact(self, header: str) -> bool:
        """Whether a column is about a person or a street address, and so dropped at the door."""
        return any(matches_pattern(header, pattern) for pattern in self.contact_columns)

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        declared: list[str] = []
        for field in self.fields:
            if field.canonical_field not in {*_TYPE_OF, *self.working_columns}:
                raise ValueError(f"{field.canonical_field!r} is neither a canonical nor a working column")
            if unknown := set(field.transform.with_) - set(declared):
                raise ValueError(f"{field.canonical_field}: `with` names {sorted(unknown)}, not declared before it")
            declared.append(field.canonical_field)
        if len(set(declared)) != len(declared):
            raise ValueError("a canonical field is declared twice")
        kept = [*self.evidence_columns, *(spelling for field in self.fields for spelling in field.source_path)]
        if contact := [spelling for spelling in kept if self.is_contact(spelling)]:
            raise ValueError(f"{contact} would be dropped as contact columns")
        if self.period.lag_years is None and any(re.search(r"\bfile_year\b", rule.when) for rule in self.suppress):
            raise ValueError("a rule asks for file_year, which only a period with lag_years gives")
        by_period = {field.canonical_field for field in self.fields if field.null_rule == "period"}
        if by_period and (by_period != {"plan_year"} or self.period.grain != "plan_year"):
            raise ValueError("only plan_year may have null_rule period, and only where the period's grain is plan_year")
        named = {*self.key, *self.agree_on, *self.subject, *self.working_columns}
        named |= {name for rule in self.one_per for name in (rule.each, rule.one)}
        named |= {rule.field for rule in (self.period, self.feed_version) if rule is not None and rule.field}
        if unknown := named - set(declared):
            raise ValueError(f"the header names {sorted(unknown)}, which no field declares")
        return self


def parse_mapping(text: str, *, name: str) -> Mapping:
    """Read and check a mapping: shape, names, and every SQL expression against DuckDB.

    Raises:
        InvalidMapping: anything is not as declared here.
    """
    try:
        mapping = Mapping.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as broken:
        raise InvalidMapping(mapping=name, detail=f"is no YAML: {broken}") from broken
    except ValidationError as refused:
        first = refused.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "header"
        raise InvalidMapping(mapping=name, detail=f"{where}: {first['msg']}") from refused
    if mapping.name != name:
        raise InvalidMapping(mapping=name, detail=f"the file declares the name {mapping.name!r}")
    _compile_sql(mapping)
    return mapping


def _compile_sql(mapping: Mapping) -> None:
    with sql.connect() as connection:
        for field in mapping.fields:
            if field.transform.lang == "sql":
                columns: dict[str, list[str | None]] = {name: [] for name in ("value", *field.transform.with_)}
                sql.evaluate(connection, field.transform.expr, field.sql_type, columns, mapping=mapping.name)
        columns = {name: [] for name in ("run_lob", "file_year", *(f.canonical_field for f in mapping.fields))}
        for rule in mapping.suppress:
            sql.evaluate(connection, rule.when, "BOOLEAN", columns, mapping=mapping.name)


@lru_cache(maxsize=1)
def known_mappings() -> ReadOnly[str, Mapping]:
    """Every mapping shipped with fivetier, by name.

    Raises:
        InvalidMapping: one of them breaks the format.
    """
    folder = files("fivetier.feeds") / "mappings"
    paths = sorted((path for path in folder.iterdir() if path.name.endswith(".yaml")), key=lambda path: path.name)
    loaded = [parse_mapping(path.read_text("utf-8"), name=path.name.removesuffix(".yaml")) for path in paths]
    return {mapping.name: mapping for mapping in loaded}


def mapping_of(source: str) -> Mapping:
    """The mapping files of a source are read with.

    Raises:
        UnknownSource: no line of business has such a source.
    """
    require_source(source)
    return known_mappings()[source]
