"""Every error fivetier raises, as one tree.

    FivetierError
    ├── InputError            a landed file cannot be used; nothing of it is published
    │   ├── EmptyFile, NoDataRows, TruncatedFile, UnreadableEncoding, UnsupportedFormat
    │   ├── MissingColumn, DuplicateColumn, WrongFileInSlot, InvalidMapping
    │   ├── InvalidId, InvalidSubVersion, UnknownSource, MissingSource
    │   ├── StaleSubVersion, PeriodTooFar
    │   ├── AmbiguousContent, ExpandsTooFar, UnknownFeedVersion
    │   └── DuplicateKey
    ├── RuleRefused           a rule says no; the message says which and what to do
    │   ├── NotAuthenticated, RoleNotHeld, RequesterCannotSign, SamePersonTwice
    │   ├── AskNotOpen, AskReplaced, AskExpired, AlreadyDecided, DigestMismatch
    │   ├── FindingBlocks, TickMissing, ReasonMissing
    │   ├── BaseMoved, SignOffIncomplete, LeaseHeld, FencedOut, AttemptNeedsReason
    │   └── SignOffRejected, Superseded, LakeBusy
    ├── IntegrityError        stored evidence does not agree with itself
    │   ├── ObjectChanged, ManifestMismatch, AuditChainBroken, LedgerDoesNotTie
    │   └── ReleaseFilesDiffer, FileDoesNotFit
    ├── NotFound              RunNotFound, ReportNotFound
    └── SettingMissing        the deployment is incomplete

Facts are attributes; messages are sentences a person can act on.
Step Functions sees the class name as the error name, so names are contract.
"""

from collections.abc import Sequence


class FivetierError(Exception):
    """Root of everything fivetier raises on purpose."""

    @property
    def code(self) -> str:
        """The stable name used in run records, ASL and JSON."""
        return type(self).__name__


class InputError(FivetierError):
    """A landed file, or something typed by a person, cannot be used as it is."""


class RuleRefused(FivetierError):
    """A rule of the product says no. Nothing was changed."""


class IntegrityError(FivetierError):
    """Stored evidence does not agree with itself: stop and look."""


class NotFound(FivetierError):
    """The thing asked for does not exist."""


# ---- input ---------------------------------------------------------------------------------------------


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
        hint = "".join(f" Was {want!r} renamed to {got!r}?" for want, got in self.near.items())
        super().__init__(
            f"{file}: required column(s) missing: {', '.join(columns)}.{hint} "
            f"Columns found: {', '.join(found) or 'none'}. If the publisher renamed it, add the name to the mapping."
        )


class DuplicateColumn(InputError):
    """Two columns carry the same name, so neither can be trusted."""

    def __init__(self, *, file: str, column: str, positions: Sequence[int]) -> None:
        self.file, self.column, self.positions = file, column, tuple(positions)
        super().__init__(f"{file}: column {column!r} stands at positions {', '.join(map(str, positions))}; keep one.")


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


class MissingSource(InputError):
    """A required source has not landed."""

    def __init__(self, *, lob: str, sub_version: str, sources: Sequence[str]) -> None:
        self.lob, self.sub_version, self.sources = lob, sub_version, tuple(sources)
        super().__init__(
            f"{lob} {sub_version}: required source(s) not landed: {', '.join(sources)}. "
            f"Land them with `fivetier land --lob {lob} --source ... --sub-version {sub_version} FILE`."
        )


class StaleSubVersion(InputError):
    """The month asked for is older than what is published."""

    def __init__(self, *, lob: str, sub_version: str, current: str) -> None:
        self.lob, self.sub_version, self.current = lob, sub_version, current
        super().__init__(
            f"{lob}: {sub_version} is older than the published {current}. A refresh never goes back; "
            f"to restore an earlier publication use a rollback."
        )


class PeriodTooFar(StaleSubVersion):
    """A file's own period is more than three months off the sub-version."""

    def __init__(self, *, lob: str, sub_version: str, file: str, period: str) -> None:
        self.file, self.period = file, period
        InputError.__init__(
            self,
            f"{lob} {sub_version}: {file} is of {period}, more than 3 months off. Land the file of this period.",
        )
        self.lob, self.sub_version, self.current = lob, sub_version, period


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
            f"{file}: several {what} could be the feed: {', '.join(candidates)}. Land a file with only the right one."
        )


class ExpandsTooFar(InputError):
    """Unpacked, the file passes a size the publishers never reach: a damaged file or a bomb."""

    def __init__(self, *, file: str, limit: str) -> None:
        self.file, self.limit = file, limit
        super().__init__(f"{file}: unpacking was stopped, it passes {limit}. Look at the file before landing it again.")


class UnknownFeedVersion(InputError):
    """The feed declares a major version no mapping of ours reads."""

    def __init__(self, *, file: str, found: str, major: int) -> None:
        self.file, self.found, self.major = file, found, major
        super().__init__(
            f"{file}: feed_version {found or 'is not given'}; this mapping reads version {major}.x.x. "
            f"Land the feed in that version, or sign a mapping for the new one."
        )


# ---- rules ---------------------------------------------------------------------------------------------


class NotAuthenticated(RuleRefused):
    """No valid token of the configured issuer came with the request."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(f"sign in first: {detail}")


class RoleNotHeld(RuleRefused):
    """The person does not hold the role they want to act in."""

    def __init__(self, *, person: str, role: str, held: Sequence[str]) -> None:
        self.person, self.role, self.held = person, role, tuple(held)
        super().__init__(f"{person} does not hold {role} (holds: {', '.join(held) or 'no role'}).")


class RequesterCannotSign(RuleRefused):
    """Who asked for a run never signs it (R2.6)."""

    def __init__(self, *, person: str, run_id: str) -> None:
        self.person, self.run_id = person, run_id
        super().__init__(f"{person} requested {run_id} and cannot sign it; another person must.")


class SamePersonTwice(RuleRefused):
    """Two roles need two persons."""

    def __init__(self, *, person: str, role: str, signed_as: str) -> None:
        self.person, self.role, self.signed_as = person, role, signed_as
        super().__init__(f"{person} already signed as {signed_as}; {role} must be another person.")


class AskNotOpen(RuleRefused):
    """Nobody is being asked to sign this run now."""

    def __init__(self, *, run_id: str, state: str) -> None:
        self.run_id, self.state = run_id, state
        super().__init__(f"{run_id} is {state}: there is nothing to sign.")


class AskReplaced(RuleRefused):
    """A newer round asks for the same run."""

    def __init__(self, *, run_id: str, round_number: int, current: int) -> None:
        self.run_id, self.round_number, self.current = run_id, round_number, current
        super().__init__(f"{run_id}: round {round_number} was replaced by round {current}; open the newest report.")


class AskExpired(RuleRefused):
    """The time to decide has passed."""

    def __init__(self, *, run_id: str, expired_at: str) -> None:
        self.run_id, self.expired_at = run_id, expired_at
        super().__init__(f"{run_id}: the sign-off expired at {expired_at}; start a new attempt with a reason.")


class AlreadyDecided(RuleRefused):
    """The role has decided this round."""

    def __init__(self, *, run_id: str, role: str, person: str) -> None:
        self.run_id, self.role, self.person = run_id, role, person
        super().__init__(f"{run_id}: {person} already decided as {role}. A decision is never changed.")


class DigestMismatch(RuleRefused):
    """The person saw something else than what is being signed."""

    def __init__(self, *, run_id: str, signed: str, frozen: str) -> None:
        self.run_id, self.signed, self.frozen = run_id, signed, frozen
        super().__init__(f"{run_id}: you signed digest {signed[:12]}, frozen is {frozen[:12]}. Read the report again.")


class FindingBlocks(RuleRefused):
    """A P0 finding is open."""

    def __init__(self, *, run_id: str, codes: Sequence[str]) -> None:
        self.run_id, self.codes = run_id, tuple(codes)
        super().__init__(
            f"{run_id} cannot be approved: {', '.join(codes)} (P0) block it. Reject it and mend the input."
        )


class TickMissing(RuleRefused):
    """A P1 finding lacks the signer's tick and reason."""

    def __init__(self, *, run_id: str, codes: Sequence[str]) -> None:
        self.run_id, self.codes = run_id, tuple(codes)
        ticks = " ".join(f"--tick {code}=REASON" for code in codes)
        super().__init__(f"{run_id}: tick each P1 finding with a reason: {ticks}")


class ReasonMissing(RuleRefused):
    """A decision needs a reason."""

    def __init__(self, *, decision: str) -> None:
        self.decision = decision
        super().__init__(f"a decision to {decision} needs a reason in words.")


class BaseMoved(RuleRefused):
    """Production is no longer what the report was compared with."""

    def __init__(self, *, run_id: str, base: str | None, current: str | None) -> None:
        self.run_id, self.base, self.current = run_id, base, current
        super().__init__(
            f"{run_id} was compared with {base or 'nothing published'}, but {current or 'nothing'} is published now. "
            f"Refresh again and sign the new report."
        )


class SignOffIncomplete(RuleRefused):
    """Publishing was asked for without every signature in the audit chain."""

    def __init__(self, *, run_id: str, missing: Sequence[str]) -> None:
        self.run_id, self.missing = run_id, tuple(missing)
        super().__init__(f"{run_id} cannot be published: no approval in the audit chain by {', '.join(missing)}.")


class LeaseHeld(RuleRefused):
    """Another run of this LOB is at work."""

    def __init__(self, *, lob: str, holder: str, since: str) -> None:
        self.lob, self.holder, self.since = lob, holder, since
        super().__init__(f"{lob}: {holder} has been at work since {since}. Wait until it ends, then try again.")


class FencedOut(RuleRefused):
    """The run lost its lease to a newer one and must not write any more."""

    def __init__(self, *, lob: str, run_id: str, fence: int, current: int) -> None:
        self.lob, self.run_id, self.fence, self.current = lob, run_id, fence, current
        super().__init__(f"{run_id} holds fence {fence} of {lob}, but {current} was given out since; it stops here.")


class AttemptNeedsReason(RuleRefused):
    """People refused this content; asking again needs a stated reason."""

    def __init__(self, *, run_id: str, state: str) -> None:
        self.run_id, self.state = run_id, state
        super().__init__(f"{run_id} ended {state}. To ask again for the same files, say why with --reason.")


class SignOffRejected(RuleRefused):
    """A person rejected the run."""

    def __init__(self, *, run_id: str, role: str) -> None:
        self.run_id, self.role = run_id, role
        super().__init__(f"{run_id} was rejected by {role}.")


class Superseded(RuleRefused):
    """A newer run of the LOB reached sign-off."""

    def __init__(self, *, run_id: str, by: str) -> None:
        self.run_id, self.by = run_id, by
        super().__init__(f"{run_id} was superseded by {by}.")


class LakeBusy(RuleRefused):
    """Other commits to the same production table kept winning."""

    def __init__(self, *, table: str, tries: int) -> None:
        self.table, self.tries = table, tries
        super().__init__(f"{table}: {tries} commits in a row lost to another publication. Try again; nothing is lost.")


# ---- integrity -----------------------------------------------------------------------------------------


class ObjectChanged(IntegrityError):
    """An object differs from what was pinned."""

    def __init__(self, *, key: str, expected: str, found: str) -> None:
        self.key, self.expected, self.found = key, expected, found
        super().__init__(f"{key}: expected {expected}, found {found}. Somebody changed it; nothing was published.")


class ManifestMismatch(IntegrityError):
    """A manifest does not hash to the digest people signed."""

    def __init__(self, *, run_id: str, signed: str, found: str) -> None:
        self.run_id, self.signed, self.found = run_id, signed, found
        super().__init__(f"{run_id}: manifest hashes to {found[:12]}, signed was {signed[:12]}. Nothing was published.")


class AuditChainBroken(IntegrityError):
    """The audit chain has a gap, an edit or a cut tail."""

    def __init__(self, *, lob: str, problems: Sequence[str]) -> None:
        self.lob, self.problems = lob, tuple(problems)
        super().__init__(f"{lob}: the audit chain does not verify: {'; '.join(problems[:3])}")


class LedgerDoesNotTie(IntegrityError):
    """Rows were lost or invented: a defect of ours, never of the file."""

    def __init__(self, *, equation: str, left: int, right: int) -> None:
        self.equation, self.left, self.right = equation, left, right
        super().__init__(f"the ledger does not tie: {equation} gives {left} against {right}. The run stops.")


class ReleaseFilesDiffer(ManifestMismatch):
    """A production table holds other files under this release than the manifest lists."""

    def __init__(self, *, run_id: str, table: str, listed: Sequence[str], found: Sequence[str]) -> None:
        self.run_id, self.table, self.listed, self.found_files = run_id, table, tuple(listed), tuple(found)
        IntegrityError.__init__(
            self,
            f"{run_id}: {table} holds {', '.join(found)} under this release, the manifest lists {', '.join(listed)}. "
            f"Nothing was published.",
        )


class FileDoesNotFit(IntegrityError):
    """A signed file cannot be part of its production table."""

    def __init__(self, *, table: str, key: str, detail: str) -> None:
        self.table, self.key, self.detail = table, key, detail
        super().__init__(f"{key} does not fit table {table}: {detail}. Nothing was published.")


# ---- not found -----------------------------------------------------------------------------------------


class RunNotFound(NotFound):
    """No run has this id."""

    def __init__(self, *, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(f"there is no run {run_id!r}; `fivetier runs` lists them.")


class ReportNotFound(NotFound):
    """The run ended before a report was frozen."""

    def __init__(self, *, run_id: str, state: str) -> None:
        self.run_id, self.state = run_id, state
        super().__init__(f"{run_id} is {state} and has no report.")


# ---- deployment ----------------------------------------------------------------------------------------


class SettingMissing(FivetierError):
    """A function was deployed without something it needs."""

    def __init__(self, *, variable: str) -> None:
        self.variable = variable
        super().__init__(f"the environment variable {variable} is not set; the stack of this stage must set it.")
