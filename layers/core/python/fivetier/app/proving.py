"""Proves from evidence alone that what readers see is what people signed (ADR 15). Needs no store and no AWS.

Each statement is checked where two places must say the same: the chain with itself and with hashes kept elsewhere,
manifests with the digests in the chain, files with manifests, release rows with signatures and with the line of
publications.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fivetier.app import keys
from fivetier.app.chaining import DECIDED
from fivetier.app.evidence import FROZEN, PUBLISHED, Evidence
from fivetier.domain.audit import ChainedEvent, verify
from fivetier.domain.manifest import Manifest, sha256_hex
from fivetier.domain.runs import LOOKBACK, RunState
from fivetier.domain.signoff import REQUIRED_ROLES, Verdict

REQUESTED, STARTED = "run_requested", "publish_started"
_ENDS = tuple(f"run_{state.value.lower()}" for state in RunState if state.has_ended)


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found. `unanchored` events stand behind the last anchor: a rewrite of those alone would not show."""

    events: int
    head: str | None
    anchors: int
    unanchored: int
    publications: int
    files: int
    problems: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Story:
    """One run's events, in order."""

    run_id: str
    events: Sequence[ChainedEvent]

    def all(self, *types: str) -> list[ChainedEvent]:
        return [e for e in self.events if e.event.event_type in types]

    def first(self, *types: str) -> ChainedEvent | None:
        return next(iter(self.all(*types)), None)

    def fact(self, event_type: str, name: str) -> Any:
        found = self.first(event_type)
        return None if found is None else found.event.details.get(name)

    @property
    def place(self) -> str:
        """What its publication replaces: the history of a month, or (empty) what readers see."""
        return str(self.fact(REQUESTED, "sub_version")) if self.fact(REQUESTED, "kind") == LOOKBACK else ""

    @property
    def has_ended(self) -> bool:
        return self.first(*_ENDS) is not None


class _Prover:
    """Collects problems; one instance proves one LOB once."""

    def __init__(self, evidence: Evidence, kept_days: int | None) -> None:
        self.evidence, self.kept_days = evidence, kept_days
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.manifests: dict[str, Manifest] = {}
        self.released: set[str] = set()
        self.staged = {(held.key, held.version_id): held for held in evidence.staged}

    def say(self, problem: str) -> None:
        self.problems.append(problem)

    def demand(self, what: str, found: object, expected: object) -> None:
        """Two places must say the same."""
        if found != expected:
            self.say(f"{what} is {found}, it should be {expected}")

    # ---- the chain -----------------------------------------------------------------------------------------

    def chain(self, anchors: Collection[str]) -> list[ChainedEvent]:
        lob, events = self.evidence.lob, []
        for key, data in sorted(self.evidence.audit.items()):
            try:
                stored = ChainedEvent.model_validate_json(data)
            except ValueError:
                self.say(f"{key}: is no audit event")
                continue
            if stored.to_bytes() != data:
                self.say(f"{key}: its bytes were changed")
            self.demand(f"{key}: the place it states", f"audit/{lob}/{stored.seq:012}.json", key)
            events.append(stored)
        self.problems += verify(events, lob=lob, anchors=anchors)
        self.problems += [f"{key}: somebody wrote over it or deleted it later" for key in self.evidence.covered]
        times = Counter(e.event.event_id for e in events)
        self.problems += [f"event {event_id} stands in the chain {n} times" for event_id, n in times.items() if n > 1]
        return sorted(events, key=lambda e: e.seq)

    # ---- what was signed -----------------------------------------------------------------------------------

    def frozen(self, story: _Story) -> None:
        """The manifest is the one whose digest the chain holds, and everything it lists is still that."""
        run, frozen = story.run_id, story.first(FROZEN)
        if frozen is None:
            return
        digest, key = frozen.event.details.get("manifest_digest"), keys.manifest_key(run)
        data = self.evidence.documents.get(key)
        if data is None:
            self._gone(key, frozen)
            return
        if sha256_hex(data) != digest:
            self.say(f"{key}: is not the manifest of digest {str(digest)[:12]} that was put before the signers")
            return
        manifest = self.manifests[run] = Manifest.model_validate_json(data)
        self.demand(f"{key}: run", manifest.run_id, run)
        self.demand(f"{key}: line of business", manifest.lob, self.evidence.lob)
        self.demand(f"{key}: base", manifest.base_release_id, frozen.event.details.get("base_release_id"))
        self.demand(f"{key}: feed digest", manifest.feed_digest, story.fact(REQUESTED, "feed_digest"))
        self.demand(f"{key}: month", manifest.sub_version, story.fact(REQUESTED, "sub_version"))
        self.demand(f"{key}: release to restore", manifest.rollback_to, story.fact(REQUESTED, "rollback_to"))
        report = self.evidence.documents.get(keys.report_key(run))
        if report is None:
            self._gone(keys.report_key(run), frozen)
        elif sha256_hex(report) != manifest.report_sha256:
            self.say(f"{keys.report_key(run)}: is not the report that was put before the signers")
        for file in manifest.files:
            self._file(file.key, file.version_id, file.sha256, frozen)

    def _file(self, key: str, version_id: str, sha256: str, frozen: ChainedEvent) -> None:
        held = self.staged.get((key, version_id))
        if held is None or held.sha256 is None:
            self._gone(key, frozen)
        elif held.sha256 != sha256:
            self.say(f"{key}: is not the file that was signed")
        elif held.newest_sha256 != sha256:
            self.say(f"{key}: somebody wrote over it or deleted it after it was signed")

    def _gone(self, key: str, frozen: ChainedEvent) -> None:
        """Staged evidence expires by rule; before that nobody may remove it."""
        if self.kept_days is not None:
            age = _moment(self.evidence.taken_at) - _moment(frozen.event.at)
            if age > timedelta(days=self.kept_days):
                self.notes.append(f"{key}: expired, {age.days} days old")
                return
        self.say(f"{key}: is gone")

    def signed(self, story: _Story) -> None:
        """Every decision is about what was frozen, and by somebody who did not ask for it."""
        requested, frozen = story.first(REQUESTED), story.first(FROZEN)
        for decided in story.all(DECIDED):
            what = f"event {decided.seq}: the decision of {decided.event.actor}"
            if frozen is None or decided.seq < frozen.seq:
                self.say(f"{what} comes before there was anything to sign")
                continue
            said = decided.event.details.get("manifest_digest")
            self.demand(f"{what}: digest", said, frozen.event.details.get("manifest_digest"))
            if requested is None or decided.event.actor == requested.event.actor:
                self.say(f"{what}: the requester cannot sign")

    # ---- what was published --------------------------------------------------------------------------------

    def publications(self, stories: Sequence[_Story]) -> list[_Story]:
        """Runs that were published, in order: each signed by two, each on top of the one before in its place.

        The places are what readers see, and the history of each month; the first history of a month may have been
        compared with anything that was published before it.
        """
        found = [story for story in stories if story.first(*PUBLISHED)]
        found.sort(key=lambda story: min(e.seq for e in story.all(*PUBLISHED)))
        last: dict[str, str] = {}
        for story in found:
            self._approvals(story)
            manifest = self.manifests.get(story.run_id)
            before = last.get(story.place)
            if story.place and before is None:
                before = self._first_base(story)
            if manifest is not None:
                self.demand(f"{story.run_id}: the release it replaced", manifest.base_release_id, before)
                self._lake(manifest.rollback_to or story.run_id)
            for published in story.all("published"):
                details = published.event.details
                self.demand(f"event {published.seq}: base", details.get("base_release_id"), before)
                self.demand(
                    f"event {published.seq}: digest",
                    details.get("manifest_digest"),
                    story.fact(FROZEN, "manifest_digest"),
                )
                self.demand(f"event {published.seq}: release", details.get("release_id"), self._release_id(story))
            last[story.place] = self._release_id(story)
            self.released.add(self._release_id(story))
        return found

    def _first_base(self, story: _Story) -> str | None:
        """What the first history of a month says it was compared with, if that was published."""
        base = story.fact(FROZEN, "base_release_id")
        return base if base in self.released else None

    def _release_id(self, story: _Story) -> str:
        return str(story.fact(REQUESTED, "rollback_to") or story.run_id)

    def _approvals(self, story: _Story) -> dict[str, str]:
        """Role -> who approved, for what was frozen, before it was published."""
        end = min((e.seq for e in story.all(*PUBLISHED)), default=None)
        digest = story.fact(FROZEN, "manifest_digest")
        approvals = {
            str(e.event.details.get("role")): e.event.actor
            for e in story.all(DECIDED)
            if e.event.details.get("decision") == Verdict.APPROVE
            and e.event.details.get("manifest_digest") == digest
            and (end is None or e.seq < end)
        }
        missing = [role for role in REQUIRED_ROLES if role not in approvals]
        if missing:
            self.say(f"{story.run_id}: was published without the approval of {', '.join(missing)}")
        if len(set(approvals.values())) < len(approvals):
            self.say(f"{story.run_id}: was published on one person's approvals")
        return approvals

    def _lake(self, release: str) -> None:
        """Readers get the files of the release's own manifest, and no others."""
        manifest = self.manifests.get(release)
        if manifest is None:
            return
        signed = {
            f"lake/{file.table}/{release}/{file.key.rsplit('/', 1)[1]}": file.sha256
            for file in manifest.files
            if file.rows
        }
        held = self.evidence.lake.get(release, {})
        for key in sorted(signed.keys() | held.keys()):
            if key not in held or held[key] is None:
                self._once(f"{key}: is gone from the lake")
            elif key not in signed:
                self._once(f"{key}: is in the lake and was never signed")
            elif held[key] != signed[key]:
                self._once(f"{key}: is not the file that was signed")

    def _once(self, problem: str) -> None:
        if problem not in self.problems:
            self.say(problem)

    # ---- the release rows ----------------------------------------------------------------------------------

    def rows(self, stories: Sequence[_Story], published: Sequence[_Story], seqs: dict[str, int]) -> None:
        """Each publication's row says what the chain says; readers go by the last one's."""
        by_run = {story.run_id: story for story in stories}
        for story in published:
            row = self.evidence.rows.get(story.run_id)
            if row is None:
                self.say(f"the release row of {story.run_id} is gone, was written over or cannot be read")
            else:
                self._row(f"the release row of {story.run_id}", row, story, seqs)
        for run_id in self.evidence.rows.keys() - {story.run_id for story in published}:
            if run_id not in by_run or not by_run[run_id].first(STARTED):
                self.say(f"the release row of {run_id} belongs to no publication")
        last = {story.place: story.run_id for story in published}
        row, now = self.evidence.current, last.pop("", None)
        if row is None and now is not None:
            self.say(f"readers see no release; the last publication is {now}")
        elif row is not None and self._is_last("", row, now, by_run):
            self._row("the row readers go by", row, by_run[str(row["run_id"])], seqs)
        elif row is not None:
            self.say(f"readers see the publication of {row['run_id']}; the last one is {now}")
        for month in sorted(last.keys() | self.evidence.months.keys()):
            self._month(month, last.get(month), by_run, seqs)

    def _month(self, month: str, last: str | None, by_run: dict[str, _Story], seqs: dict[str, int]) -> None:
        row = self.evidence.months.get(month)
        if row is None:
            self.say(f"{month} has no history; its last lookback is {last}")
        elif self._is_last(month, row, last, by_run):
            self._row(f"the row of {month}", row, by_run[str(row["run_id"])], seqs)
        else:
            self.say(f"the history of {month} is that of {row['run_id']}; its last lookback is {last}")

    def _is_last(self, place: str, row: dict[str, Any], last: str | None, by_run: dict[str, _Story]) -> bool:
        """Whether a row is of the last publication in its place, or of one that is on its way there."""
        story = by_run.get(str(row["run_id"]))
        if story is None:
            return False
        return row["run_id"] == last or (
            story.place == place and story.first(STARTED) is not None and not story.has_ended
        )

    def _row(self, what: str, row: dict[str, Any], story: _Story, seqs: dict[str, int]) -> None:
        manifest = self.manifests.get(story.run_id)
        approvals = self._approvals(story) if not story.first(*PUBLISHED) else self._known_approvals(story)
        expected = {
            "lob": self.evidence.lob,
            "run_id": story.run_id,
            "release_id": self._release_id(story),
            "sub_version": story.fact(REQUESTED, "sub_version"),
            "kind": story.fact(REQUESTED, "kind") or "refresh",
            "manifest_digest": story.fact(FROZEN, "manifest_digest"),
            "base_release_id": manifest.base_release_id if manifest else story.fact(FROZEN, "base_release_id"),
            "signers": " ".join(f"{role}={login}" for role, login in sorted(approvals.items())),
        } | (story.fact("run_published", "release") or {})
        for name, value in expected.items():
            self.demand(f"{what}: {name}", row.get(name), value)
        self._moment(what, row, story, seqs)

    def _known_approvals(self, story: _Story) -> dict[str, str]:
        before = len(self.problems)
        approvals = self._approvals(story)
        del self.problems[before:]  # said already, with the publication
        return approvals

    def _moment(self, what: str, row: dict[str, Any], story: _Story, seqs: dict[str, int]) -> None:
        """The row was written after the approvals it names and before the publication was noted."""
        head = seqs.get(str(row.get("audit_head")))
        approved = max((e.seq for e in story.all(DECIDED)), default=-1)
        noted = min((e.seq for e in story.all(*PUBLISHED)), default=len(seqs))
        if head is not None and not approved <= head < noted:
            self.say(f"{what}: its audit head is event {head}, not one between approval and publication")
        started, ended = story.first(STARTED), story.first(*PUBLISHED)
        at = _moment(row.get("published_at"))
        if (started and at < _moment(started.event.at)) or (ended and at > _moment(ended.event.at)):
            self.say(f"{what}: published_at is {row.get('published_at')}, outside the publication")


def _moment(text: object) -> datetime:
    """A stated time; one that cannot be read is before all others."""
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def prove(evidence: Evidence, *, anchors: Collection[str] = (), kept_days: int | None = None) -> Proof:
    """Check everything against everything.

    Args:
        evidence: what was gathered.
        anchors: head hashes known from elsewhere, for example from an earlier export.
        kept_days: how long staged evidence is kept; what is older may be gone. None: nothing may be gone.
    """
    prover = _Prover(evidence, kept_days)
    prover.problems += evidence.unreadable
    rows = [row for row in (*evidence.rows.values(), *evidence.months.values(), evidence.current) if row is not None]
    known = list(dict.fromkeys([*(str(row["audit_head"]) for row in rows), *anchors]))
    events = prover.chain(known)
    stories = [
        _Story(run_id, [e for e in events if e.event.run_id == run_id])
        for run_id in dict.fromkeys(e.event.run_id for e in events)
    ]
    for story in stories:
        for event_type in (REQUESTED, FROZEN):
            if len(story.all(event_type)) > 1:
                prover.say(f"{story.run_id}: has several events {event_type}")
        prover.frozen(story)
        prover.signed(story)
    published = prover.publications(stories)
    seqs = {event.hash: event.seq for event in events}
    prover.rows(stories, published, seqs)
    anchored = max((seqs[anchor] for anchor in known if anchor in seqs), default=-1)
    return Proof(
        events=len(events),
        head=events[-1].hash if events else None,
        anchors=len(known),
        unanchored=sum(event.seq > anchored for event in events),
        publications=len(published),
        files=len(evidence.staged) + sum(map(len, evidence.lake.values())),
        problems=tuple(prover.problems),
        notes=tuple(prover.notes),
    )
