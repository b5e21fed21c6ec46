"""The rule data as it ships, read once."""

import pytest

from dunning.rules import Rules
from streams.rules import load_rules


@pytest.fixture(scope="session")
def rules() -> Rules:
    return load_rules()
