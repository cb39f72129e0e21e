"""Assemble the commands, and turn our errors into one line and an exit code."""

import sys

import typer
from fivetier.domain.errors import FivetierError
from fivetier.web.words import printable

from fivetier_cli import auditing, comparing, demo, explaining, mailbox, pipeline, querying, scheduling, stack
from fivetier_cli.console import Exit, err, exit_code
from infra.local.errors import LocalStackError

app = typer.Typer(
    name="fivetier",
    help="Provider-to-payer database in five tiers: refreshed per line of business, published after two signatures.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for command in (
    demo.demo,
    comparing.compare,
    stack.up,
    stack.down,
    pipeline.land,
    pipeline.refresh,
    pipeline.rollback,
    pipeline.runs,
    pipeline.report,
    pipeline.sign,
    scheduling.calendar,
    scheduling.releases,
    mailbox.mail,
    querying.sql,
):
    app.command()(command)
app.command("explain")(explaining.explain_node)
app.add_typer(auditing.audit_app, name="audit")


def main() -> None:
    """Run the command line."""
    try:
        app()
    except FivetierError as error:
        err.print(f"{error.code}: {printable(str(error))}", style="red", markup=False)
        sys.exit(exit_code(error))
    except LocalStackError as error:
        err.print(f"{type(error).__name__}: {error}", style="red", markup=False)
        sys.exit(Exit.USAGE)
