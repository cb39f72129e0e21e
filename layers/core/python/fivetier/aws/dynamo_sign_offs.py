"""Asks and decisions (part of port `RunStore`)."""

from fivetier.app.records import OpenAsk
from fivetier.aws import iso
from fivetier.aws.dynamo_items import decision_to_item, item_to_decision, run_key
from fivetier.aws.dynamo_table import ConditionsFailed, Item, OpsTable
from fivetier.domain import errors
from fivetier.domain.audit import AuditEvent
from fivetier.domain.runs import RunState
from fivetier.domain.signoff import Decision


class DynamoSignOffs(OpsTable):
    """Ask and token are written by the state machine (`RequestSignOff` in refresh.asl.json), decisions by us."""

    def get_ask(self, run_id: str) -> OpenAsk | None:
        """The newest round asked for, or None before the first; the task token is not part of the item."""
        item = self._get(run_key(run_id), "ASK")
        if item is None:
            return None
        return OpenAsk(
            run_id=str(item["run_id"]),
            round_number=int(item["round_number"]),
            manifest_digest=str(item["manifest_digest"]),
            expires_at=iso.parse(str(item["expires_at"])),
            requested_by=str(item["requested_by"]),
        )

    def get_task_token(self, run_id: str) -> str:
        """The token of the newest round. Only the resumer's role can read it.

        Raises:
            AskNotOpen: nobody was asked yet.
        """
        item = self._get(f"TOKEN#{run_id}", "TOKEN", only=("task_token",))
        if item is None:
            raise errors.AskNotOpen(run_id=run_id, state="not waiting for people yet")
        return str(item["task_token"])

    def decide(self, decision: Decision, event: AuditEvent) -> None:
        """Write a decision and its outbox event in one transaction, with every rule checked again as a condition.

        `decision.signed_at` is the time the rules are checked at.

        Raises:
            AskNotOpen, AskReplaced, AskExpired: run closed, round replaced or expired meanwhile.
            DigestMismatch: the ask is for something else than what was signed.
            RequesterCannotSign: who asked for the run would sign it.
            AlreadyDecided: the role decided meanwhile.
            SamePersonTwice: the person signed in the other role meanwhile.
        """
        run, now = run_key(decision.run_id), iso.to_seconds(iso.parse(decision.signed_at))
        ask: Item = {
            "round": decision.round_number,
            "digest": decision.manifest_digest,
            "now": now,
            "login": decision.login,
        }
        is_open = (
            "#round_number = :round AND #manifest_digest = :digest AND #expires_at > :now AND #requested_by <> :login"
        )
        signer: Item = {"pk": run, "sk": _signer_place(decision), "login": decision.login, "role": decision.role}
        actions = [
            self._check(run, "RUN", "#state = :state", {"state": RunState.AWAITING_SIGN_OFF.value}),
            self._check(run, "ASK", is_open, ask),
            self._put_new(decision_to_item(decision)),
            self._put_new(signer),
        ]
        try:
            self._write(actions, event)
        except ConditionsFailed as refused:
            raise self._why(refused.failed, decision, now) from refused

    def decisions(self, run_id: str, round_number: int) -> list[Decision]:
        """Decisions of one round, oldest first."""
        found = [item_to_decision(item) for item in self._query(run_key(run_id), f"DECISION#{round_number:04}#")]
        return sorted(found, key=lambda decision: (iso.parse(decision.signed_at), decision.role))

    def _why(self, failed: frozenset[int], decision: Decision, now: str) -> errors.RuleRefused:
        """The rule behind a failed condition, in the order of `domain.signoff.check_decision`."""
        run_id = decision.run_id
        if 0 in failed:
            run = self._get(run_key(run_id), "RUN", only=("state",))
            return errors.AskNotOpen(run_id=run_id, state=str(run["state"]) if run else "unknown")
        if 1 in failed and (refused := self._why_not_this_ask(decision, now)):
            return refused
        if 2 in failed:
            earlier = self._get(run_key(run_id), str(decision_to_item(decision)["sk"]))
            return errors.AlreadyDecided(run_id=run_id, role=decision.role, person=_text(earlier, "login"))
        earlier = self._get(run_key(run_id), _signer_place(decision))
        return errors.SamePersonTwice(person=decision.login, role=decision.role, signed_as=_text(earlier, "role"))

    def _why_not_this_ask(self, decision: Decision, now: str) -> errors.RuleRefused:
        run_id, ask = decision.run_id, self.get_ask(decision.run_id)
        if ask is None:
            return errors.AskNotOpen(run_id=run_id, state="not waiting for people yet")
        if ask.round_number != decision.round_number:
            return errors.AskReplaced(run_id=run_id, round_number=decision.round_number, current=ask.round_number)
        if now >= (expired_at := iso.to_seconds(ask.expires_at)):
            return errors.AskExpired(run_id=run_id, expired_at=expired_at)
        if decision.login == ask.requested_by:
            return errors.RequesterCannotSign(person=decision.login, run_id=run_id)
        return errors.DigestMismatch(run_id=run_id, signed=decision.manifest_digest, frozen=ask.manifest_digest)


def _signer_place(decision: Decision) -> str:
    return f"SIGNER#{decision.round_number:04}#{decision.login}"


def _text(item: Item | None, name: str) -> str:
    return str(item[name]) if item else "somebody"
