"""A server process, as its parent speaks with it."""

import pytest

from loadworthy.errors import LoadworthyError, SetupError
from loadworthy.testing.child import Child


def test_what_the_server_does_not_understand_is_an_error_in_its_own_words() -> None:
    """And it goes on answering."""
    child = Child("loadworthy.testing.server", [], "server")
    assert child.start().startswith("http://127.0.0.1:")
    try:
        for line, words in (
            ("sing", "'sing' is not understood"),
            ("websocket sing", "'sing' is not understood"),
            ('{"inject": {"kind": "quake"}}', "'quake' is no kind of fault"),
            ('{"inject": {"kind": "stall", "power": 9}}', "unexpected keyword argument 'power'"),
            ('{"dance": null}', "dance is no order; use inject or heal"),
            ("{", "Expecting property name"),
        ):
            with pytest.raises(LoadworthyError, match=words):
                child.ask(line)
        assert child.ask("stats")["requests"] == 0
    finally:
        child.stop()


def test_a_child_that_cannot_start_is_a_set_up_error_and_leaves_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """What it had to say is on standard error; it may be tried again."""
    child = Child("loadworthy.testing.server", ["--routes", "/nowhere/routes.json"], "server")
    for _ in range(2):
        with pytest.raises(SetupError, match="the server ended with code 2 before it listened"):
            child.start()
        assert "/nowhere/routes.json" in capfd.readouterr().err


def test_one_that_does_not_run_says_so_and_may_be_stopped() -> None:
    """Asked, or for its process id."""
    child = Child("loadworthy.testing.server", [], "server")
    child.stop()
    for use in (lambda: child.ask("stats"), lambda: child.pid):
        with pytest.raises(LoadworthyError, match="the server does not run; use it in a with block"):
            use()
