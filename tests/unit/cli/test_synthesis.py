"""The template is synthesized in a process of its own; what that says is told."""

from pathlib import Path

import pytest

from fivetier_cli.stack import _synthesize
from infra.local.errors import AssemblyFailed


def test_what_cdk_or_the_settings_refuse_is_one_error(tmp_path: Path) -> None:
    context = {"stage": "local", "oidc_issuer": "http://127.0.0.1:1", "sign_off_seconds": "0"}
    with pytest.raises(AssemblyFailed, match="sign_off_seconds is 0; people need at least a second"):
        _synthesize(context, tmp_path)
    assert list(tmp_path.iterdir()) == []
