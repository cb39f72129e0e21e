"""Decides what becomes of each row: suppressed by a rule, quarantined, a duplicate, or kept."""

from collections import Counter
from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb

from fivetier.domain.errors import UnknownFeedVersion
from fivetier.domain.ids import SubVersion
from fivetier.domain.names import equality_key
from fivetier.domain.periods import Period, PlanYear, parse_period
from fivetier.feeds import sql
from fivetier.feeds.cells import Evaluated, Refusal
from fivetier.feeds.mapping import Mapping, PeriodRules

DUPLICATE_ROW = "DUPLICATE_ROW"
ROWS_DISAGREE = "ROWS_DISAGREE"
PERIOD_INVALID = "PERIOD_INVALID"


@dataclass(slots=True)
class Settled:
    """Every row index once: kept, refused with a reason, or suppressed by a rule id."""

    kept: list[int] = field(default_factory=list)
    refused: dict[int, Refusal] = field(default_factory=dict)
    suppressed: dict[int, str] = field(default_factory=dict)
    period: Period | None = None
    file_year: int | None = None


def settle(
    connection: duckdb.DuckDBPyConnection,
    mapping: Mapping,
    evaluated: Evaluated,
    *,
    lob: str,
    file: str,
    numbers: Sequence[int],
    sub_version: SubVersion | None = None,
) -> Settled:
    """Settle all rows; without a `sub_version` a file of several plan years is read for the latest.

    Suppression comes first: a row a rule keeps out needs no other cell to be readable (a drug plan without plan id
    is suppressed, not quarantined).

    Raises:
        UnknownFeedVersion: the feed is of another major version.
    """
    _check_feed_version(mapping, evaluated, file=file)
    done = Settled()
    done.file_year, done.period = _stated_period(mapping.period, evaluated, sub_version)
    done.suppressed = _suppressed(connection, mapping, evaluated, lob=lob, year=done.file_year, rows=len(numbers))
    done.refused = {index: refusal for index, refusal in evaluated.refusals.items() if index not in done.suppressed}
    _check_period(mapping, evaluated, done)
    _check_one_per(mapping, evaluated, done, numbers)
    live = [index for index in range(len(numbers)) if index not in done.suppressed and index not in done.refused]
    _settle_duplicates(mapping, evaluated, done, live, numbers)
    done.kept = [index for index in live if index not in done.suppressed and index not in done.refused]
    return done


def _check_feed_version(mapping: Mapping, evaluated: Evaluated, *, file: str) -> None:
    rule = mapping.feed_version
    if rule is None:
        return
    found = {version for version in evaluated.texts(rule.field) if version is not None}
    for version in sorted(found) or [""]:
        if version.split(".")[0] != str(rule.major):
            raise UnknownFeedVersion(file=file, found=version, major=rule.major)


def _suppressed(
    connection: duckdb.DuckDBPyConnection,
    mapping: Mapping,
    evaluated: Evaluated,
    *,
    lob: str,
    year: int | None,
    rows: int,
) -> dict[int, str]:
    columns = {name: evaluated.texts(name) for name in evaluated.values}
    columns |= {"run_lob": [lob] * rows, "file_year": [None if year is None else str(year)] * rows}
    suppressed: dict[int, str] = {}
    for rule in mapping.suppress:
        holds = sql.evaluate(connection, rule.when, "BOOLEAN", columns, mapping=mapping.name)
        for index, value in enumerate(holds):
            if value:
                suppressed.setdefault(index, rule.rule_id)
    return suppressed


def _stated_period(
    rules: PeriodRules, evaluated: Evaluated, sub_version: SubVersion | None
) -> tuple[int | None, Period | None]:
    """The plan year a file of several is read for, and the month or plan year a file is of by what its rows state.

    A file that may come years late is of the run's month where it is right for that month, else of the nearest one it
    is right for.
    """
    stated = Counter(text for text in evaluated.texts(rules.field) if text is not None) if rules.field else Counter()
    if not stated:
        return None, None
    if rules.lag_years is None:
        return None, parse_period(min(stated, key=lambda text: (-stated[text], text)))
    years = sorted(int(text) for text in stated)
    if sub_version is None:
        return years[-1], SubVersion(years[-1], 1)
    year = max((each for each in years if each <= sub_version.year), default=years[0])
    first, last = PlanYear(year).months[0], SubVersion(year + rules.lag_years, 12)
    return year, min(max(sub_version, first), last)


def _check_period(mapping: Mapping, evaluated: Evaluated, done: Settled) -> None:
    """One file is of one month, the one most rows state, or of one plan year; a row of another is quarantined."""
    name = mapping.period.field
    if name is None or done.period is None:
        return
    period = str(done.period if done.file_year is None else done.file_year)
    for index, text in enumerate(evaluated.texts(name)):
        if text is not None and text != period and index not in done.suppressed:
            message = f"the file is read for {period}, by most of its rows or by the run's year; this row is of {text}"
            done.refused.setdefault(index, Refusal(PERIOD_INVALID, name, text, message))


def _check_one_per(mapping: Mapping, evaluated: Evaluated, done: Settled, numbers: Sequence[int]) -> None:
    """Quarantine every row of a subject that has two values where it may have one; rows refused already say nothing."""
    for rule in mapping.one_per:
        each, one = evaluated.texts(rule.each), evaluated.texts(rule.one)
        groups: dict[str, dict[str, list[int]]] = {}
        for index, (subject, value) in enumerate(zip(each, one, strict=True)):
            if subject is not None and value is not None and index not in done.suppressed and index not in done.refused:
                groups.setdefault(subject, {}).setdefault(value, []).append(index)
        for subject, values in groups.items():
            if len(values) > 1:
                places = " and ".join(f"{value} on row {numbers[rows[0]]}" for value, rows in values.items())
                used = f"none of its {sum(map(len, values.values()))} rows is used"
                message = f"{rule.each} {subject} has two of {rule.one}: {places}; {rule.why}; {used}"
                for value, rows in values.items():
                    done.refused |= {index: Refusal(rule.reason_code, rule.one, value, message) for index in rows}


def _settle_duplicates(
    mapping: Mapping, evaluated: Evaluated, done: Settled, live: Sequence[int], numbers: Sequence[int]
) -> None:
    """Of rows that repeat a key and agree keep the first; of rows that disagree none: nobody knows which holds."""
    columns = {name: evaluated.texts(name) for name in {*mapping.key, *mapping.agree_on}}
    groups: dict[tuple[str | None, ...], list[int]] = {}
    for index in live:
        groups.setdefault(tuple(columns[name][index] for name in mapping.key), []).append(index)
    for key, group in groups.items():
        if len(group) == 1:
            continue
        dispute = _dispute(mapping, columns, group)
        if dispute is None:
            done.suppressed |= dict.fromkeys(group[1:], DUPLICATE_ROW)
            continue
        name, other = dispute
        label = " ".join(part for part in key if part)
        message = (
            f"{label} stands on rows {numbers[group[0]]} and {numbers[other]} with different {name}: "
            f"{columns[name][group[0]]!r} and {columns[name][other]!r}; none of its {len(group)} rows is used"
        )
        done.refused |= {index: Refusal(ROWS_DISAGREE, name, columns[name][index], message) for index in group}


def _dispute(
    mapping: Mapping, columns: ReadOnly[str, Sequence[str | None]], group: Sequence[int]
) -> tuple[str, int] | None:
    """The first field rows of one key differ in, and a row that differs from the first."""
    for name in mapping.agree_on:
        keys = [equality_key(columns[name][index] or "") for index in group]
        for index, key in zip(group, keys, strict=True):
            if key != keys[0]:
                return name, index
    return None
