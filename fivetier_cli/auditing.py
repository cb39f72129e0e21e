"""`fivetier audit`: take the evidence away, and prove how what is published came about."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from fivetier.app.evidence import Evidence, gather
from fivetier.app.proving import Proof, prove
from fivetier.domain.tiers import Lob

from fivetier_cli import evidence_folder
from fivetier_cli.console import Exit, err, out, print_json
from fivetier_cli.stack import DEFAULT_STATE, AsJson, StateDir, attach

audit_app = typer.Typer(help="The audit chain, and what hangs on it.", no_args_is_help=True)

LobOption = Annotated[Lob, typer.Option(help="Whose chain.")]


@audit_app.command("export")
def audit_export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is empty or does not exist yet.")],
    lob: LobOption = Lob.MEDICARE_ADVANTAGE,
    state: StateDir = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Copy the chain, manifests, reports and release rows, and hashes of staged and published files, into a folder."""
    evidence_folder.require_empty(folder)
    evidence = _from_stack(lob, state, quiet=as_json)
    written = evidence_folder.write(evidence, folder)
    proof = prove(evidence)
    facts = {"lob": lob.value, "folder": str(folder), "files": written, "events": proof.events, "head": proof.head}
    if as_json:
        print_json(facts)
        return
    out.print(f"{lob.value}: {proof.events} events and {written - proof.events} other files in {folder}", markup=False)
    out.print(f"Keep the head elsewhere, it anchors the whole chain: {proof.head}", markup=False)
    out.print(f"Check it anywhere: fivetier audit verify --from {folder} --anchor {proof.head}", markup=False)


@audit_app.command("verify")
def audit_verify(
    lob: LobOption = Lob.MEDICARE_ADVANTAGE,
    folder: Annotated[
        Path | None, typer.Option("--from", help="Verify what `audit export` wrote instead; needs no stack.")
    ] = None,
    anchor: Annotated[list[str] | None, typer.Option(help="A head hash known from elsewhere; repeatable.")] = None,
    kept_days: Annotated[
        int | None, typer.Option(help="Staged evidence older than this may be gone (staging_retention_days).")
    ] = None,
    state: StateDir = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Check the chain, what was signed, what was published, and that readers see just that."""
    evidence = evidence_folder.read(folder) if folder else _from_stack(lob, state, quiet=as_json)
    proof = prove(evidence, anchors=anchor or [], kept_days=kept_days)
    if as_json:
        facts = {name: getattr(proof, name) for name in Proof.__dataclass_fields__}
        print_json({"lob": evidence.lob, "ok": not proof.problems} | facts)
    else:
        _show(evidence.lob, proof)
    if proof.problems:
        raise typer.Exit(Exit.RUN_FAILED)


def _show(lob: str, proof: Proof) -> None:
    out.print(
        f"{lob}: {proof.events} events, {proof.publications} publications, {proof.files} files, head {proof.head}",
        markup=False,
    )
    for note in proof.notes:
        out.print(f"  {note}", markup=False)
    for problem in proof.problems:
        out.print(f"  {problem}", style="red", markup=False)
    if proof.unanchored:
        out.print(
            f"  The last {proof.unanchored} events have no anchor outside the chain yet: cutting or rewriting them "
            "would not show. The next publication anchors them; so does --anchor with a head kept from before.",
            markup=False,
        )
    out.print("It does not hold." if proof.problems else "The chain holds, and readers see what was signed.")


def _from_stack(lob: Lob, state: Path, *, quiet: bool) -> Evidence:
    """The stored evidence, once what is waiting in the outbox stands in the chain."""
    attach(state).use()
    from fivetier.app.chaining import settle
    from fivetier.aws.runtime import ports

    settle(lob, ports())
    with err.status("reading", spinner="dots") as status:
        say: Callable[[str], None] = (lambda _: None) if quiet else (lambda what: status.update(f"reading {what}"))
        return gather(lob, ports(), say)
