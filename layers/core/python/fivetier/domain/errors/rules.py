"""A rule says no; nothing was changed."""

from collections.abc import Sequence

from fivetier.domain.errors.base import RuleRefused


class NotAuthenticated(RuleRefused):
    """No valid token of the configured issuer came with the request."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(f"sign in first: {detail}")


class ForeignForm(RuleRefused):
    """A form was not drawn by us for this session, or was sent from another site."""

    def __init__(self) -> None:
        super().__init__("this form does not come from a page of this session; open the page again.")


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


_MAY_BE_REAL = "; if the drop is real, Data Operations asks again with --confirm-drop and a reason"


class FindingBlocks(RuleRefused):
    """A P0 finding is open."""

    def __init__(self, *, run_id: str, codes: Sequence[str]) -> None:
        self.run_id, self.codes = run_id, tuple(codes)
        super().__init__(
            f"{run_id} cannot be approved: {', '.join(codes)} (P0) block it. Reject it and mend the input"
            f"{_MAY_BE_REAL if 'ROW_DROP' in codes else ''}."
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
            f"Start again and sign the new report."
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
        super().__init__(f"{run_id} ended {state}. To ask for the same again, say why with a new --reason.")


class NothingPublished(RuleRefused):
    """The line of business has no publication to go back from."""

    def __init__(self, *, lob: str) -> None:
        self.lob = lob
        super().__init__(f"{lob}: nothing is published yet, so there is nothing to roll back.")


class NeverPublished(RuleRefused):
    """Readers never saw what the run made."""

    def __init__(self, *, run_id: str, state: str) -> None:
        self.run_id, self.state = run_id, state
        super().__init__(f"{run_id} is {state} and was never published. Go back to a run that is PUBLISHED.")


class OnlyHistory(RuleRefused):
    """A lookback is the history of its month and never becomes what readers see (R2.4)."""

    def __init__(self, *, run_id: str, sub_version: str) -> None:
        self.run_id, self.sub_version = run_id, sub_version
        super().__init__(f"{run_id} is a lookback: the history of {sub_version}, never current. Go back to a refresh.")


class AlreadyCurrent(RuleRefused):
    """Readers see this release now."""

    def __init__(self, *, release_id: str, published_by: str) -> None:
        self.release_id, self.published_by = release_id, published_by
        super().__init__(f"readers see {release_id} already (published by {published_by}); nothing is to be done.")


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
