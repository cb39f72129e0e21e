"""The reviewed roll-up of parent names: which spellings, former names and acquired companies mean one parent payer.

Publishers give tier 1 as text, without an id. What agrees letter by letter, or but for its legal form, needs no
dictionary; what people know and text does not say stands in `parents.yaml`, with its source. A change of the file is
signed like any change of policy: the report a run is signed by names its version and digest.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from importlib import resources
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

from fivetier.domain.names import agreement_key, equality_key, resolution_key


class FormerName(BaseModel):
    """A name a parent payer bore before `until`, the first day of the next one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    until: date


class ParentEntry(BaseModel):
    """One parent payer.

    Attributes:
        name: the name it bears now; its node id is minted from the first of its names we ever knew, `minted_as`.
        formerly: names it bore before, the oldest first: a change of name, not of organization.
        aliases: other spellings, trade names and owned companies sources give as the parent.
        subsidiaries: legal entities it owns, where sources give no parent (exchange issuers).
        brands: words no other payer's name begins with; an organization whose name does is one of its own.
        merged_into, merged_on: the parent payer it became a part of, and the first day of that.
        source: where a reviewer can look it up.
        reviewed: when somebody did.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    minted_as: str = ""
    formerly: tuple[FormerName, ...] = ()
    aliases: tuple[str, ...] = ()
    subsidiaries: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    merged_into: str | None = None
    merged_on: date | None = None
    source: str
    reviewed: date

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if (self.merged_into is None) != (self.merged_on is None):
            raise ValueError("merged_into and merged_on are given together")
        if list(self.formerly) != sorted(self.formerly, key=lambda former: former.until):
            raise ValueError("former names stand oldest first")
        return self

    @property
    def key(self) -> str:
        """Equality key its node id is minted from."""
        return equality_key(self.minted_as or self.name)

    @property
    def spellings(self) -> tuple[str, ...]:
        """Everything that means this parent."""
        return (self.name, *(former.name for former in self.formerly), *self.aliases)

    def name_on(self, day: date) -> str:
        """The name it bore on a day."""
        return next((former.name for former in self.formerly if day < former.until), self.name)


@dataclass(frozen=True)
class Dictionary:
    """Parent payers people reviewed; `version` and `sha256` say which edition a run used."""

    entries: tuple[ParentEntry, ...] = ()
    version: str = ""
    sha256: str = ""

    @cached_property
    def _by_name(self) -> Mapping[str, ParentEntry]:
        return {equality_key(spelling): entry for entry in self.entries for spelling in entry.spellings}

    @cached_property
    def _by_agreement(self) -> Mapping[str, ParentEntry]:
        found: dict[str, ParentEntry | None] = {}
        for entry in self.entries:
            for spelling in entry.spellings:
                key = agreement_key(spelling)
                found[key] = entry if found.get(key, entry) is entry else None
        return {key: entry for key, entry in found.items() if entry is not None}

    def find(self, name: str, day: date) -> ParentEntry | None:
        """The parent payer a spelling means on a day: itself, or what it had become a part of by then."""
        return self._survivor(self._by_name.get(equality_key(name)), day)

    def find_agreeing(self, name: str, day: date) -> ParentEntry | None:
        """The one parent payer a name agrees with but for its legal form."""
        return self._survivor(self._by_agreement.get(agreement_key(name)), day)

    def has_merged(self, name: str, day: date) -> bool:
        """Whether the parent payer of that name was a part of another one by then."""
        entry = self._by_name.get(equality_key(name))
        return entry is not None and entry.merged_on is not None and entry.merged_on <= day

    def owner_of(self, legal_name: str, day: date) -> ParentEntry | None:
        """The parent payer a legal entity belongs to on a day, told by its name or the brand its name begins with."""
        owner = self._owners.get(agreement_key(legal_name))
        words = resolution_key(legal_name).split()
        for length in range(len(words), 0, -1):
            owner = owner or self._brands.get(" ".join(words[:length]))
        return self._survivor(owner, day)

    @cached_property
    def _owners(self) -> Mapping[str, ParentEntry]:
        return {agreement_key(name): entry for entry in self.entries for name in entry.subsidiaries}

    @cached_property
    def _brands(self) -> Mapping[str, ParentEntry]:
        return {resolution_key(brand): entry for entry in self.entries for brand in entry.brands}

    def _survivor(self, entry: ParentEntry | None, day: date) -> ParentEntry | None:
        while entry is not None and entry.merged_on is not None and entry.merged_on <= day:
            entry = self._by_name[equality_key(entry.merged_into or "")]
        return entry

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every spelling of every parent."""
        return tuple(spelling for entry in self.entries for spelling in entry.spellings)


def parse_dictionary(text: str) -> Dictionary:
    """Read and check a dictionary.

    Raises:
        ValueError: an entry is not as declared, one spelling means two parents, or a merger leads nowhere or round.
    """
    stated = yaml.safe_load(text)
    entries = tuple(ParentEntry.model_validate(entry) for entry in stated["parents"])
    meant: dict[str, str] = {}
    for entry in entries:
        keys = {equality_key(spelling) for spelling in entry.spellings}
        keys |= {f"subsidiary {agreement_key(name)}" for name in entry.subsidiaries}
        keys |= {f"brand {resolution_key(brand)}" for brand in entry.brands}
        for key in sorted(keys):
            if key in meant:
                raise ValueError(f"{key!r} means both {meant[key]!r} and {entry.name!r}")
            meant[key] = entry.name
    by_name = {entry.name: entry for entry in entries}
    for entry in entries:
        seen, at = {entry.name}, entry
        while at.merged_into is not None:
            if at.merged_into not in by_name or at.merged_into in seen:
                raise ValueError(f"{entry.name!r} was merged into {at.merged_into!r}, which is no other entry")
            seen.add(at.merged_into)
            at = by_name[at.merged_into]
    return Dictionary(entries, str(stated["version"]), hashlib.sha256(text.encode()).hexdigest())


@lru_cache(maxsize=1)
def parent_dictionary() -> Dictionary:
    """The dictionary shipped with fivetier."""
    return parse_dictionary(resources.files("fivetier.domain").joinpath("parents.yaml").read_text(encoding="utf-8"))
