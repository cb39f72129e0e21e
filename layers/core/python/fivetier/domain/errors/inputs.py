"""A landed file, or something typed by a person, cannot be used as it is."""

from collections.abc import Sequence

from fivetier.domain.errors.base import InputError

_MOST_NAMES, _LONGEST_NAME = 30, 60


def _cut(name: str) -> str:
    """A name from a file, at a length people read."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."


def _shown(names: Sequence[str]) -> str:
    """Names from a file, as many as people read; the error holds all."""
    more = len(names) - _MOST_NAMES
    return ", ".join(map(_cut, names[:_MOST_NAMES])) + (f" and {more:,} more" if more > 0 else "")


class EmptyFile(InputError):
    """The file has no bytes, or nothing but blanks."""

    def __init__(self, *, file: str) -> None:
        self.file = file
        super().__init__(f"{file}: the file is empty. Land it again; nothing of it was used.")


class NoDataRows(InputError):
    """A header was found, and no row under it."""

    def __init__(self, *, file: str) -> None:
        self.file = file
        super().__init__(f"{file}: there is a header but no data row. Land the complete file.")


class TruncatedFile(InputError):
    """The file ends in the middle of a row, a quote or an archive."""

    def __init__(self, *, file: str, row: int | None, detail: str) -> None:
        self.file, self.row, self.detail = file, row, detail
        where = f" at row {row}" if row is not None else ""
        super().__init__(f"{file}: the file looks cut off{where}: {detail}. Land the complete file.")


class UnreadableEncoding(InputError):
    """The bytes are no text in any encoding the publishers use."""

    def __init__(self, *, file: str, detail: str) -> None:
        self.file, self.detail = file, detail
        super().__init__(
            f"{file}: cannot be read as UTF-8, UTF-16 or Windows-1252 text: {detail}. Export it again as UTF-8 CSV."
        )


class UnsupportedFormat(InputError):
    """The file is of a kind this source does not accept."""

    def __init__(self, *, file: str, found: str, accepted: Sequence[str]) -> None:
        self.file, self.found, self.accepted = file, found, tuple(accepted)
        super().__init__(f"{file}: this is {found}; accepted are {', '.join(accepted)}.")


class MissingColumn(InputError):
    """A required column is absent or renamed."""

    def __init__(
        self, *, file: str, columns: Sequence[str], found: Sequence[str], near: dict[str, str] | None = None
    ) -> None:
        self.file, self.columns, self.found, self.near = file, tuple(columns), tuple(found), near or {}
        hint = "".join(f" Was {want!r} renamed to {_cut(got)!r}?" for want, got in self.near.items())
        super().__init__(
            f"{file}: required column(s) missing: {_shown(columns)}.{hint} "
            f"Columns found: {_shown(found) or 'none'}. If the publisher renamed it, add the name to the mapping."
        )


class DuplicateColumn(InputError):
    """Two columns carry the same name, so neither can be trusted."""

    def __init__(self, *, file: str, column: str, positions: Sequence[int]) -> None:
        self.file, self.column, self.positions = file, column, tuple(positions)
        super().__init__(
            f"{file}: column {_cut(column)!r} stands at positions {', '.join(map(str, positions))}; keep one."
        )


class WrongFileInSlot(InputError):
    """The file belongs to another source."""

    def __init__(self, *, file: str, slot: str, looks_like: str) -> None:
        self.file, self.slot, self.looks_like = file, slot, looks_like
        super().__init__(
            f"{file}: landed as {slot}, but its columns are those of {looks_like}. Land it with --source {looks_like}."
        )


class InvalidMapping(InputError):
    """A mapping file breaks the declared format."""

    def __init__(self, *, mapping: str, detail: str) -> None:
        self.mapping, self.detail = mapping, detail
        super().__init__(f"mapping {mapping}: {detail}")


class InvalidId(InputError):
    """An identifier has no known form."""

    def __init__(self, *, id_system: str, value: str, rule: str, detail: str) -> None:
        self.id_system, self.value, self.rule, self.detail = id_system, value, rule, detail
        super().__init__(f"{value!r} is no {id_system} ({rule}): {detail}")


class InvalidSubVersion(InputError):
    """A sub-version is not YYYY_MM."""

    def __init__(self, *, value: str) -> None:
        self.value = value
        super().__init__(f"{value!r} is no sub-version: write the month as YYYY_MM, for example 2025_06.")


class UnknownSource(InputError):
    """The LOB has no such source."""

    def __init__(self, *, lob: str, source: str, known: Sequence[str]) -> None:
        self.lob, self.source, self.known = lob, source, tuple(known)
        super().__init__(f"{lob} has no source {source!r}; its sources are {', '.join(known)}.")


class PeriodUnknown(InputError):
    """Nothing in or on the file says which period it is of, and its rows need one."""

    def __init__(self, *, file: str, sha256: str) -> None:
        self.file, self.sha256 = file, sha256
        super().__init__(
            f"{file}: neither its rows, its title nor its name says which plan year it is of. Land it under a name "
            f"with the year, for example landscape_2026.csv, or register its SHA-256 {sha256} in the mapping."
        )


class UnknownCrosswalkStatus(InputError):
    """A crosswalk says of a plan what no rule knows: guessed, it would end or carry over the wrong plan."""

    def __init__(self, *, file: str, row: int, column: str, value: str, rule: str) -> None:
        self.file, self.row, self.column, self.value, self.rule = file, row, column, value, rule
        super().__init__(
            f"{file}: row {row}, column {_cut(column)!r}: {_cut(value)!r} is no known crosswalk status ({rule}), and "
            f"an unknown one stops the run. Read the publisher's notes, then sign a mapping that knows it."
        )


class MissingSource(InputError):
    """A required source has not landed."""

    def __init__(self, *, lob: str, sub_version: str, sources: Sequence[str]) -> None:
        self.lob, self.sub_version, self.sources = lob, sub_version, tuple(sources)
        super().__init__(
            f"{lob} {sub_version}: required source(s) not landed: {', '.join(sources)}. "
            f"Land them with `fivetier land --lob {lob} --source ... --sub-version {sub_version} FILE`."
        )


class MissingSources(InputError):
    """Several months were asked for, and some have not all required sources."""

    def __init__(self, missing: Sequence[MissingSource]) -> None:
        self.missing = tuple(missing)
        super().__init__(f"no run was started. {' '.join(str(month) for month in missing)}")


class StaleSubVersion(InputError):
    """The month is older than what is published, or a file's own period is too far off.

    `other` is the published month, or the period of `file`; `why` says which months that period serves.
    """

    def __init__(self, *, lob: str, sub_version: str, other: str, file: str | None = None, why: str = "") -> None:
        self.lob, self.sub_version, self.other, self.file = lob, sub_version, other, file
        if file is None:
            super().__init__(f"{lob}: {sub_version} is older than the published {other}. A refresh never goes back.")
        else:
            super().__init__(f"{lob} {sub_version}: {file} is of {other}, {why}. Land the file of this period.")


class RunOfAnotherLob(InputError):
    """A run of one line of business was named where one of another was meant."""

    def __init__(self, *, run_id: str, lob: str, asked: str) -> None:
        self.run_id, self.lob, self.asked = run_id, lob, asked
        super().__init__(f"{run_id} is a run of {lob}, not of {asked}; `fivetier runs --lob {asked}` lists those.")


class DuplicateKey(InputError):
    """Rows that must be unique are not."""

    def __init__(self, *, table: str, key: Sequence[str], count: int, sample: str = "") -> None:
        self.table, self.key, self.count, self.sample = table, tuple(key), count, sample
        eg = f", for example {sample}" if sample else ""
        super().__init__(f"{table}: {count} rows repeat a key on {', '.join(key)}{eg}")


class AmbiguousContent(InputError):
    """The file holds several tables, and nothing says which one is the feed."""

    def __init__(self, *, file: str, what: str, candidates: Sequence[str]) -> None:
        self.file, self.what, self.candidates = file, what, tuple(candidates)
        super().__init__(
            f"{file}: several {what} could be the feed: {_shown(candidates)}. Land a file with only the right one."
        )


class ExpandsTooFar(InputError):
    """Unpacked, the file passes a size the publishers never reach: a damaged file or a bomb."""

    def __init__(self, *, file: str, limit: str) -> None:
        self.file, self.limit = file, limit
        super().__init__(f"{file}: reading was stopped, it passes {limit}. Look at the file before landing it again.")


class UnknownFeedVersion(InputError):
    """The feed declares a major version no mapping of ours reads."""

    def __init__(self, *, file: str, found: str, major: int) -> None:
        self.file, self.found, self.major = file, found, major
        super().__init__(
            f"{file}: feed_version {_cut(found) or 'is not given'}; this mapping reads version {major}.x.x. "
            f"Land the feed in that version, or sign a mapping for the new one."
        )
