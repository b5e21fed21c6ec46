"""A story that fails is shown beside what happened."""

import pytest

pytest.register_assert_rewrite("tests.stories.player")
