"""Choice states: a variable that is missing, and no rule that matches.

moto takes a missing variable for a rule that does not match, so a typo in a
path would quietly take the default; and it has no name for no match at all.
"""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.state.choice import state_choice
from moto.stepfunctions.parser.asl.component.state.choice.comparison import comparison_variable
from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison_operator_type import (
    ComparisonOperatorType,
)
from moto.stepfunctions.parser.asl.component.state.choice.comparison.variable import NoSuchVariable

from infra.local.sfn.failures import failure

_choose = state_choice.StateChoice._eval_state


def _compare(self: Any, env: Any) -> None:
    """Stand-in for a comparison: only IsPresent may look at what is not there."""
    self.variable.eval(env)
    value = env.stack[-1]
    asks_presence = self.comparison_function.operator_type == ComparisonOperatorType.IsPresent
    if isinstance(value, NoSuchVariable) and not asks_presence:
        cause = (
            f"Invalid path '{value.path.split(',')[0]}': The choice state's condition path references an invalid value."
        )
        raise failure(env, StatesErrorNameType.StatesRuntime, cause)
    self.comparison_function.eval(env)


def _eval_state(self: Any, env: Any) -> None:
    """Stand-in for a Choice state: no match has an error name."""
    try:
        _choose(self, env)
    except RuntimeError as error:
        if self.default_state is not None:
            raise
        cause = f"No choice rule of state {self.name} matched, and it has no Default"
        raise failure(env, StatesErrorNameType.StatesNoChoiceMatched, cause) from error


def install() -> None:
    """Make Choice states fail where AWS fails them."""
    comparison_variable.ComparisonVariable._eval_body = _compare
    state_choice.StateChoice._eval_state = _eval_state
