"""Which faults the campaign tries: each different AWS once, and a name for every case."""

import pytest

from tests.faults import cases
from tests.faults.stage import ASK, Invocation
from tests.faults.wire import KINDS

LOG = (Invocation("f", ("s3.GetObject", "s3.PutObject", "dynamodb.TransactWriteItems")),)


def test_each_different_aws_a_dying_process_leaves_is_tried() -> None:
    found = [case.name for case in cases.singles("p", LOG, [0], cases.Tried())]
    assert len(set(found)) == len(found)
    crashes = [name for name in found if "crash" in name]
    assert crashes == ["p/0/0/crash_before", "p/0/1/crash_after", "p/0/2/crash_after"]
    assert {name.split("/")[2] for name in found if name.endswith("_out")} == {"0", "1", "2"}


def test_exhaustive_is_every_kind_at_every_call_that_can_meet_it() -> None:
    found = list(cases.singles("p", LOG, [0], None))
    assert len(found) == 3 * len(KINDS) - 2  # only a transaction conflicts


def test_step_functions_itself_does_not_crash() -> None:
    log = (Invocation(ASK, ("dynamodb.TransactWriteItems",)),)
    assert not [case for case in cases.singles("p", log, [0], None) if "crash" in case.kind]


def test_a_seed_picks_the_same_double_faults_again() -> None:
    log = LOG * 5
    first, second = ([case.name for case in cases.doubles("p", log, seed=3, count=4)] for _ in range(2))
    assert first == second
    assert first != [case.name for case in cases.doubles("p", log, seed=4, count=4)]
    assert cases.parse(first[0])[1].faults == next(cases.doubles("p", log, seed=3, count=4)).faults


def test_a_path_with_few_cases_is_tried_whole() -> None:
    universe = list(cases.singles("p", LOG, [0], None))
    assert cases.chosen(universe, seed=1, count=0) == universe


def test_a_seed_picks_every_crash_of_the_first_path_and_one_case_of_each_stratum() -> None:
    universe = [
        case for path in ("p", "q") for case in cases.singles(path, LOG * 4, range(4), None)
    ]  # fmt: skip
    picked = cases.chosen(universe, seed=1, count=0)
    assert {cases.stratum(case) for case in picked} == {cases.stratum(case) for case in universe}
    crashes = [case for case in universe if "crash" in case.kind and case.name.startswith("p/")]
    assert [case for case in picked if "crash" in case.kind] == crashes
    others = [cases.stratum(case) for case in picked if case not in crashes]
    assert len(set(others)) == len(others)
    assert cases.chosen(universe, seed=1, count=0) == picked != cases.chosen(universe, seed=2, count=0)
    assert len(cases.chosen(universe, seed=1, count=100)) == 100
    assert cases.chosen(universe, seed=1, count=10**6) == universe


@pytest.mark.parametrize("name", ["p", "p/1", "p/1/2/nothing"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError):
        cases.parse(name)
