"""``halation serve`` opens the page: a window of its own, the usual browser, or neither."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path

import pytest

from halation.cli import serve
from tests.served import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="screens are told by DISPLAY")

URL = "http://127.0.0.1:4747/"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What the usual browser is asked to open, on a machine with a screen and no Chromium."""
    asked: list[str] = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("PATH", str(tmp_path))

    def ask(url: str) -> bool:
        asked.append(url)
        return True

    monkeypatch.setattr(webbrowser, "open", ask)
    return asked


def test_the_usual_browser_opens_it(opened: list[str]) -> None:
    serve.open_page(URL, browser=True, app=False)
    assert opened == [URL]


@pytest.mark.filterwarnings("ignore:subprocess:ResourceWarning")  # it outlives the command
def test_an_app_is_a_window_of_its_own(opened: list[str], tmp_path: Path) -> None:
    said = tmp_path / "said"
    chromium = tmp_path / "chromium"
    chromium.write_text(f'#!/bin/sh\necho "$@" > {said}.part && /bin/mv {said}.part {said}\n')
    chromium.chmod(0o755)
    serve.open_page(URL, browser=True, app=True)
    until(said.exists)
    assert said.read_text().split() == [f"--app={URL}"]
    assert not opened


def test_without_a_chromium_an_app_is_the_usual_browser(
    opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    serve.open_page(URL, browser=True, app=True)
    assert opened == [URL]
    assert "no Chromium-like browser" in capsys.readouterr().err


def test_without_a_screen_the_address_is_left_to_the_user(
    opened: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    serve.open_page(URL, browser=True, app=True)
    assert not opened
    assert "open the address yourself" in capsys.readouterr().err


def test_no_browser_means_none(opened: list[str]) -> None:
    serve.open_page(URL, browser=False, app=False)
    assert not opened
