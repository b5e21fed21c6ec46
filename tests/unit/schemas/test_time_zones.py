"""Time zones come from the package, not from the machine."""

import zoneinfo
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from schemas.time_zones import ZONES, time_zone


def test_every_zone_of_the_package_reads() -> None:
    assert len(ZONES) > 500
    for name in sorted(ZONES):
        assert time_zone(name).key == name


def test_an_unknown_zone_is_refused() -> None:
    for name in ("Nowhere/City", "../zones", "", "Europe"):
        with pytest.raises(zoneinfo.ZoneInfoNotFoundError):
            time_zone(name)


def test_the_machines_own_data_are_not_looked_at(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    # A machine on which it is in Tokyo what it is in New York.
    (tmp_path / "Asia").mkdir()
    new_york = files("tzdata").joinpath("zoneinfo", "America", "New_York").read_bytes()
    (tmp_path / "Asia" / "Tokyo").write_bytes(new_york)
    request.addfinalizer(zoneinfo.reset_tzpath)
    request.addfinalizer(zoneinfo.ZoneInfo.clear_cache)
    request.addfinalizer(time_zone.cache_clear)
    zoneinfo.reset_tzpath([str(tmp_path)])
    zoneinfo.ZoneInfo.clear_cache()
    time_zone.cache_clear()
    noon = datetime(2026, 6, 1, 12, tzinfo=time_zone("Asia/Tokyo"))
    assert noon.replace(tzinfo=zoneinfo.ZoneInfo("Asia/Tokyo")).utcoffset() == timedelta(hours=-4)
    assert noon.utcoffset() == timedelta(hours=9)
