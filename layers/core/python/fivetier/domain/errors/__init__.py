"""Every error fivetier raises, as one tree.

    FivetierError
    ├── InputError            a landed file cannot be used; nothing of it is published
    │   ├── EmptyFile, NoDataRows, TruncatedFile, UnreadableEncoding, UnsupportedFormat
    │   ├── MissingColumn, DuplicateColumn, WrongFileInSlot, InvalidMapping
    │   ├── InvalidId, InvalidSubVersion, UnknownSource, MissingSource, MissingSources
    │   ├── StaleSubVersion, RunOfAnotherLob
    │   ├── AmbiguousContent, ExpandsTooFar, UnknownFeedVersion, UnknownCrosswalkStatus, PeriodUnknown
    │   └── DuplicateKey
    ├── RuleRefused           a rule says no; the message says which and what to do
    │   ├── NotAuthenticated, ForeignForm, RoleNotHeld, RequesterCannotSign, SamePersonTwice
    │   ├── AskNotOpen, AskReplaced, AskExpired, AlreadyDecided, DigestMismatch
    │   ├── FindingBlocks, TickMissing, ReasonMissing
    │   ├── BaseMoved, SignOffIncomplete, LeaseHeld, FencedOut, AttemptNeedsReason
    │   ├── NothingPublished, NeverPublished, OnlyHistory, AlreadyCurrent
    │   └── SignOffRejected, Superseded, LakeBusy
    ├── IntegrityError        stored evidence does not agree with itself
    │   ├── ObjectChanged, ManifestMismatch, AuditChainBroken, LedgerDoesNotTie
    │   └── ReleaseFilesDiffer, FileDoesNotFit
    ├── NotFound              RunNotFound, ReportNotFound
    ├── SettingMissing        the deployment is incomplete
    └── ServiceUnavailable    a service the deployment stands on does not answer now; the same again may work later

Facts are attributes; messages are sentences a person can act on.
Step Functions sees the class name as the error name, so names are contract.
"""

from fivetier.domain.errors.base import (
    FivetierError,
    InputError,
    IntegrityError,
    NotFound,
    RuleRefused,
)
from fivetier.domain.errors.inputs import (
    AmbiguousContent,
    DuplicateColumn,
    DuplicateKey,
    EmptyFile,
    ExpandsTooFar,
    InvalidId,
    InvalidMapping,
    InvalidSubVersion,
    MissingColumn,
    MissingSource,
    MissingSources,
    NoDataRows,
    PeriodUnknown,
    RunOfAnotherLob,
    StaleSubVersion,
    TruncatedFile,
    UnknownCrosswalkStatus,
    UnknownFeedVersion,
    UnknownSource,
    UnreadableEncoding,
    UnsupportedFormat,
    WrongFileInSlot,
)
from fivetier.domain.errors.integrity import (
    AuditChainBroken,
    FileDoesNotFit,
    LedgerDoesNotTie,
    ManifestMismatch,
    ObjectChanged,
    ReleaseFilesDiffer,
    ReportNotFound,
    RunNotFound,
    ServiceUnavailable,
    SettingMissing,
)
from fivetier.domain.errors.rules import (
    AlreadyCurrent,
    AlreadyDecided,
    AskExpired,
    AskNotOpen,
    AskReplaced,
    AttemptNeedsReason,
    BaseMoved,
    DigestMismatch,
    FencedOut,
    FindingBlocks,
    ForeignForm,
    LakeBusy,
    LeaseHeld,
    NeverPublished,
    NotAuthenticated,
    NothingPublished,
    OnlyHistory,
    ReasonMissing,
    RequesterCannotSign,
    RoleNotHeld,
    SamePersonTwice,
    SignOffIncomplete,
    SignOffRejected,
    Superseded,
    TickMissing,
)

__all__ = [
    "AlreadyCurrent",
    "AlreadyDecided",
    "AmbiguousContent",
    "AskExpired",
    "AskNotOpen",
    "AskReplaced",
    "AttemptNeedsReason",
    "AuditChainBroken",
    "BaseMoved",
    "DigestMismatch",
    "DuplicateColumn",
    "DuplicateKey",
    "EmptyFile",
    "ExpandsTooFar",
    "FencedOut",
    "FileDoesNotFit",
    "FindingBlocks",
    "FivetierError",
    "ForeignForm",
    "InputError",
    "IntegrityError",
    "InvalidId",
    "InvalidMapping",
    "InvalidSubVersion",
    "LakeBusy",
    "LeaseHeld",
    "LedgerDoesNotTie",
    "ManifestMismatch",
    "MissingColumn",
    "MissingSource",
    "MissingSources",
    "NeverPublished",
    "NoDataRows",
    "NotAuthenticated",
    "NotFound",
    "NothingPublished",
    "ObjectChanged",
    "OnlyHistory",
    "PeriodUnknown",
    "ReasonMissing",
    "ReleaseFilesDiffer",
    "ReportNotFound",
    "RequesterCannotSign",
    "RoleNotHeld",
    "RuleRefused",
    "RunNotFound",
    "RunOfAnotherLob",
    "SamePersonTwice",
    "ServiceUnavailable",
    "SettingMissing",
    "SignOffIncomplete",
    "SignOffRejected",
    "StaleSubVersion",
    "Superseded",
    "TickMissing",
    "TruncatedFile",
    "UnknownCrosswalkStatus",
    "UnknownFeedVersion",
    "UnknownSource",
    "UnreadableEncoding",
    "UnsupportedFormat",
    "WrongFileInSlot",
]
