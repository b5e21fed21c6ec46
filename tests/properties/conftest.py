"""How the properties are searched: the same examples every time; others with `--hypothesis-profile=search`."""

from hypothesis import HealthCheck, settings

_QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

settings.register_profile(
    "steady", derandomize=True, deadline=None, database=None, max_examples=60, suppress_health_check=_QUIET
)
settings.register_profile("search", deadline=None, max_examples=2_000, suppress_health_check=_QUIET)
settings.load_profile("steady")
