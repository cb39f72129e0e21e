"""What a file says about itself must not act on the terminal of whoever reads the refusal."""

from pathlib import Path

from tests.support.cli import run, write


def test_a_hostile_header_is_spelled_out(tmp_path: Path) -> None:
    data = b"Contract Number,\x1b[2J\x07Parent Organisation\nH1,x\n"
    names = [write(tmp_path, f"MA_Contract_directory_{month}.csv", data) for month in ("2024_08", "2025_06")]
    answer = run("compare", *names)
    assert answer.exit_code == 3
    assert "MissingColumn" in answer.err
    assert "\\x1b[2J\\x07Parent" in answer.err
    assert "\x1b[2J" not in answer.err and "\x07" not in answer.err
