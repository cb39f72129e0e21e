"""What every `Executions` does when starting; what moto cannot tell about task tokens is tested elsewhere."""

from tests.contract.sides.scenes import LOB, ExecutionsScene


class ExecutionsSuite:
    kind = "executions"

    def test_what_was_never_started_is_not_open(self, scene: ExecutionsScene) -> None:
        assert not scene.executions.is_open(LOB, "r1")

    def test_a_started_execution_is_open_until_it_ends(self, scene: ExecutionsScene) -> None:
        scene.executions.start(LOB, "r1", {"run_id": "r1", "lob": LOB})
        assert scene.executions.is_open(LOB, "r1")
        scene.end(LOB, "r1")
        assert not scene.executions.is_open(LOB, "r1")

    def test_starting_again_does_nothing_not_even_after_the_end(self, scene: ExecutionsScene) -> None:
        scene.executions.start(LOB, "r1", {"run_id": "r1", "lob": LOB})
        scene.executions.start(LOB, "r1", {"run_id": "r1", "lob": LOB})
        scene.end(LOB, "r1")
        scene.executions.start(LOB, "r1", {"run_id": "r1", "lob": LOB})
        assert not scene.executions.is_open(LOB, "r1")

    def test_an_execution_keeps_what_it_failed_with(self, scene: ExecutionsScene) -> None:
        for run_id in ("r1", "r2", "r3"):
            scene.executions.start(LOB, run_id, {"run_id": run_id, "lob": LOB})
        scene.end(LOB, "r1", "BaseMoved", "it moved")
        scene.end(LOB, "r2")
        assert scene.executions.failure(LOB, "r1") == {"Error": "BaseMoved", "Cause": "it moved"}
        assert [scene.executions.failure(LOB, run_id) for run_id in ("r2", "r3", "never was")] == [{}, {}, {}]
