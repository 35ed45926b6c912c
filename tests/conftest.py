"""What all tests share: the one switch that writes goldens."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write what the code gives now as the new goldens (raise the engine number with it)",
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether goldens are written on purpose in this run."""
    return bool(request.config.getoption("--update-golden"))
