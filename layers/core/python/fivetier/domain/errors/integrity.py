"""Stored evidence does not agree with itself, or is not there."""

from collections.abc import Sequence

from fivetier.domain.errors.base import FivetierError, IntegrityError, NotFound


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


class ServiceUnavailable(FivetierError):
    """A service the deployment stands on refused or was silent, again and again; nothing is wrong with the run."""

    def __init__(self, *, detail: str) -> None:
        self.detail = detail
        super().__init__(f"a service we need does not work now: {detail}. The same again may work in a while.")
