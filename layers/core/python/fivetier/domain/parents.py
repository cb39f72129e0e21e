"""Which parent payer a name means: reviewed dictionary, alias, agreeing name, corrected typing error, or a new node.

Never a guess (DECISIONS, Identity): each step asks for one answer and passes on when there are several. Whatever was
taken for a known organization by more than its letters is told, for people to look at.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Literal

from fivetier.domain.dictionary import Dictionary, ParentEntry
from fivetier.domain.identity import Registry, renamed
from fivetier.domain.ids import PARENT_NAME, node_id
from fivetier.domain.names import LEGAL_FORMS, agreement_key, equality_key, legal_forms, resolution_key
from fivetier.domain.tiers import Tier

How = Literal["dictionary", "brand", "legal form", "typing error"]

#: Words shorter than this are not corrected: one letter more or less makes another word of them.
MIN_CORRECTED = 5


@dataclass(frozen=True, slots=True)
class TakenFor:
    """A spelling that was taken for an organization known under another name."""

    spelling: str
    name: str
    how: How


@dataclass(frozen=True, slots=True)
class Parents:
    """Node id of each name (equality key); by node the key it is minted from and a reviewed name; what was taken."""

    node_of: Mapping[str, str]
    minted_from: Mapping[str, str]
    reviewed_name: Mapping[str, str]
    taken: tuple[TakenFor, ...]


def resolve_parents(spellings: Mapping[str, str], registry: Registry, dictionary: Dictionary, *, day: date) -> Parents:
    """Give every parent name of a month its tier-1 node id.

    Args:
        spellings: equality key -> the spelling to show.
        registry: what is published, here and in other lines of business.
        dictionary: what people reviewed.
        day: the day names and mergers are looked up for.
    """
    return _Resolver(spellings, registry, dictionary, day).run()


class _Resolver:
    def __init__(self, spellings: Mapping[str, str], registry: Registry, dictionary: Dictionary, day: date) -> None:
        self._spellings, self._registry, self._dictionary, self._day = spellings, registry, dictionary, day
        self._node_of: dict[str, str] = {}
        self._minted_from: dict[str, str] = {}
        self._taken: list[TakenFor] = []
        self._ambiguous = _ambiguous(spellings.values())

    def run(self) -> Parents:
        for key in sorted(self._spellings):
            entry = self._dictionary.find(self._spellings[key], self._day)
            if entry is not None:
                self._take(key, self._node_of_entry(entry), entry.name_on(self._day), "dictionary")
                continue
            named = self._registry.named(Tier.PARENT_PAYER, key) or self._registry.elsewhere(Tier.PARENT_PAYER, key)
            if named:
                self._node_of[key] = named[0].node_id
        gone = [n for n in self._registry.live(Tier.PARENT_PAYER) if n.node_id not in self._node_of.values()]
        self._node_of |= renamed({key: self._spellings[key] for key in self._unknown()}, gone)
        self._take_agreeing()
        self._take_corrected()
        self._mint()
        return Parents(self._node_of, self._minted_from, self._reviewed_names(), tuple(self._taken))

    def _reviewed_names(self) -> dict[str, str]:
        """What reviewed parents are called, whichever of their spellings led to them."""
        used = set(self._node_of.values())
        entries = [e for e in self._dictionary.entries if not self._dictionary.has_merged(e.name, self._day)]
        names = {self._node_of_entry(entry): entry.name_on(self._day) for entry in entries}
        return {node: name for node, name in names.items() if node in used}

    def _unknown(self) -> list[str]:
        return sorted(self._spellings.keys() - self._node_of.keys())

    def _take(self, key: str, node: str, name: str, how: How) -> None:
        self._node_of[key] = node
        if equality_key(name) != key:
            self._taken.append(TakenFor(self._spellings[key], name, how))

    def _node_of_entry(self, entry: ParentEntry) -> str:
        """The published node of a reviewed parent, under whichever of its names it was first seen, or a new one."""
        minted = self._minted(entry.key)
        keys = [entry.key, *(equality_key(spelling) for spelling in entry.spellings)]
        known = [n.node_id for key in keys for n in self._registry.named(Tier.PARENT_PAYER, key)]
        known += [n.node_id for key in keys for n in self._registry.elsewhere(Tier.PARENT_PAYER, key)]
        return minted if minted in known or not known else known[0]

    def _minted(self, key: str) -> str:
        node = node_id(Tier.PARENT_PAYER, PARENT_NAME, key)
        self._minted_from[node] = key
        return node

    def _take_agreeing(self) -> None:
        """Names that differ from one known organization in nothing but legal form or article."""
        known = self._known_by_agreement()
        for key in self._unknown():
            spelling = self._spellings[key]
            entry = self._dictionary.find_agreeing(spelling, self._day)
            owner = self._dictionary.owner_of(spelling, self._day)
            if entry is not None:
                self._take(key, self._node_of_entry(entry), entry.name_on(self._day), "dictionary")
            elif owner is not None:
                self._take(key, self._node_of_entry(owner), owner.name_on(self._day), "brand")
            elif agreement_key(spelling) in self._ambiguous:
                continue
            elif len(nodes := known.get(agreement_key(spelling), {})) == 1:
                ((node, name),) = nodes.items()
                self._take(key, node, name, "legal form")

    def _known_by_agreement(self) -> dict[str, dict[str, str]]:
        """Agreement key -> node -> a name, of every organization named this month or live anywhere."""
        known: dict[str, dict[str, str]] = defaultdict(dict)
        for alias, nodes in self._registry.known_names(Tier.PARENT_PAYER).items():
            for node in nodes:
                known[agreement_key(alias)].setdefault(node, alias)
        for key, node in sorted(self._node_of.items()):
            known[agreement_key(self._spellings[key])][node] = self._spellings[key]
        return known

    def _take_corrected(self) -> None:
        """Names that become those of one known organization when words nobody else uses are spelled as others do."""
        known = self._known_by_agreement()
        names = [*self._registry.known_names(Tier.PARENT_PAYER), *(self._spellings[key] for key in self._node_of)]
        words = {word for name in (*names, *self._dictionary.spellings) for word in resolution_key(name).split()}
        words |= LEGAL_FORMS
        for key in self._unknown():
            corrected = _corrected(resolution_key(self._spellings[key]), words)
            if corrected is None:
                continue
            entry = self._dictionary.find_agreeing(corrected, self._day)
            if entry is not None:
                node, name = self._node_of_entry(entry), entry.name_on(self._day)
                self._take(key, node, name, "typing error")
            elif len(nodes := known.get(agreement_key(corrected), {})) == 1:
                ((node, name),) = nodes.items()
                self._take(key, node, name, "typing error")

    def _mint(self) -> None:
        """New nodes, one for all spellings that agree; the key is that of the first by text."""
        agreeing: dict[str, list[str]] = defaultdict(list)
        for key in self._unknown():
            agreed = agreement_key(self._spellings[key])
            agreeing[key if agreed in self._ambiguous else agreed].append(key)
        for keys in agreeing.values():
            minted = self._minted(keys[0])
            for key in keys:
                self._take(key, minted, self._spellings[keys[0]], "legal form")


def _ambiguous(names: Iterable[str]) -> set[str]:
    """Agreement keys shared by names that state different legal forms: they may be several organizations."""
    forms: dict[str, set[frozenset[str]]] = defaultdict(set)
    for name in names:
        if stated := legal_forms(name):
            forms[agreement_key(name)].add(stated)
    return {key for key, found in forms.items() if len(found) > 1}


def _corrected(name: str, words: set[str]) -> str | None:
    """The name with an unknown word replaced by the one known word it is a typing error of.

    None if no word is, or all are: a name of which nothing is known is another name.
    """
    tokens = name.split()
    better = [_corrected_word(token, words) for token in tokens]
    changed = sum(old != new for old, new in zip(tokens, better, strict=True))
    return " ".join(better) if 0 < changed < len(tokens) else None


def _corrected_word(word: str, words: set[str]) -> str:
    if word in words or len(word) < MIN_CORRECTED or word.isdigit():
        return word
    close = [known for known in get_close_matches(word, sorted(words), n=5, cutoff=0.9) if _is_slip(word, known)]
    return close[0] if len(close) == 1 else word


def _is_slip(word: str, known: str) -> bool:
    """One letter too many, one too few, or two neighbours exchanged: another letter may make another name."""
    if len(word) == len(known):
        apart = [index for index, (a, b) in enumerate(zip(word, known, strict=True)) if a != b]
        if len(apart) != 2 or apart[1] != apart[0] + 1:
            return False
        return word[apart[0]] == known[apart[1]] and word[apart[1]] == known[apart[0]]
    longer, shorter = sorted((word, known), key=len, reverse=True)
    return any(longer[:index] + longer[index + 1 :] == shorter for index in range(len(longer)))
