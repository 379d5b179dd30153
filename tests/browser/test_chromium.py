"""The browser that the tests start: gone at the end whatever happened, and asked for where CI runs."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import psutil
import pytest
from playwright.sync_api import Error
from tests.support.browser import chromium


def browser_processes() -> list[psutil.Process]:
    return [process for process in psutil.Process().children(recursive=True) if is_browser(process)]


def is_browser(process: psutil.Process) -> bool:
    try:
        return "chrom" in process.name()
    except psutil.NoSuchProcess:  # it ended while they were counted
        return False


def fail_with_a_page_open() -> None:
    with chromium() as browser:
        browser.new_page()
        raise ZeroDivisionError


def lose_the_driver(stopped: list[psutil.Process]) -> None:
    """Of a browser that does not answer any more; its processes are put into the list."""
    with chromium() as browser:
        stopped += browser_processes()
        driver = next(one for one in psutil.Process().children() if stopped[0] in one.children())
        for process in stopped:
            with suppress(psutil.NoSuchProcess):  # some are of short life
                process.send_signal(signal.SIGSTOP)
        driver.kill()
        browser.new_page()


def test_nothing_of_it_stays() -> None:
    """Neither after a good end nor after a test that failed."""
    with chromium() as browser:
        browser.new_page()
        assert browser_processes()
    assert browser_processes() == []
    with pytest.raises(ZeroDivisionError):
        fail_with_a_page_open()
    assert browser_processes() == []


def test_a_browser_that_lost_its_driver_is_ended() -> None:
    """What Playwright cannot close any more is killed, by its process id."""
    stopped: list[psutil.Process] = []
    with pytest.raises(Error):
        lose_the_driver(stopped)
    assert stopped
    _, alive = psutil.wait_procs(stopped, timeout=60)
    assert alive == []


def test_without_chromium_the_tests_skip_but_in_ci_they_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may be left out there for want of a program."""
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.delenv("LOADWORTHY_CI", raising=False)
    with pytest.raises(pytest.skip.Exception), chromium():
        pass
    monkeypatch.setenv("LOADWORTHY_CI", "1")
    with pytest.raises(AssertionError, match="CI must have it"), chromium():
        pass
