"""`python -m infra.smoke --stage dev`: one line per check; exit code 1 if one does not hold."""

import argparse
import sys
from collections.abc import Iterator, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from infra.settings import SettingsError, load_context, load_settings
from infra.smoke.account import Account, Failed
from infra.smoke.checks import CHECKS, Check

OK, FAILED, LEFT_OUT = "ok", "failed", "left out"


def run(account: Account, checks: Sequence[Check] = CHECKS) -> Iterator[tuple[Check, str, str]]:
    """Every check with its outcome and what it found."""
    for check in checks:
        if check.needs_aws and account.settings.is_local:
            yield check, LEFT_OUT, "only a real account shows it"
            continue
        try:
            yield check, OK, check.run(account)
        except (Failed, ClientError, BotoCoreError, OSError, KeyError) as error:
            yield check, FAILED, f"{type(error).__name__}: {error}" if not isinstance(error, Failed) else str(error)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from a command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.smoke", description="Check a deployed stage.")
    parser.add_argument("--stage", required=True, help="dev, prod or local")
    parser.add_argument("-c", "--context", action="append", default=[], metavar="KEY=VALUE", help="as for infra.app")
    parser.add_argument("--mail-to", metavar="ADDRESS", help="send one mail there")
    given = parser.parse_args(arguments)
    overrides = dict(entry.split("=", 1) for entry in given.context if "=" in entry)
    try:
        settings = load_settings(load_context({**overrides, "stage": given.stage}))
    except SettingsError as error:
        parser.exit(2, f"{type(error).__name__}: {error}\n")
    counted = dict.fromkeys((OK, FAILED, LEFT_OUT), 0)
    for check, outcome, found in run(Account(settings, mail_to=given.mail_to)):
        counted[outcome] += 1
        sys.stdout.write(f"{outcome:8}  {check.name:17}  {found}\n")
        if outcome == FAILED:
            sys.stdout.write(f"{'':8}  {'':17}  to mend: {check.mend}\n")
    sys.stdout.write(", ".join(f"{number} {outcome}" for outcome, number in counted.items()) + "\n")
    return 1 if counted[FAILED] else 0


if __name__ == "__main__":
    sys.exit(main())
