"""A small true story: the engine itself decides about it, and its evidence is clean."""

import pytest

from tests.demo_evidence import SmallWorld


@pytest.fixture
def world() -> SmallWorld:
    return SmallWorld()
