"""The page for machines: what is said where it cannot listen."""

import socket

import pytest
from prometheus_client import CollectorRegistry

from streams.errors import Trouble
from streams.health import HealthPage


async def refused(host: str, port: int) -> str:
    page = HealthPage(host, port, CollectorRegistry(), lambda: None)
    try:
        with pytest.raises(Trouble) as caught:
            await page.on_start()
    finally:
        await page.on_stop()
    return str(caught.value)


async def test_a_port_that_is_taken_names_the_port() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        told = await refused("127.0.0.1", port)
    assert told.startswith(f"metrics cannot listen on 127.0.0.1:{port}: ")
    assert told.endswith("choose another --metrics-port, 0 takes a free one")


@pytest.mark.parametrize("host", ["192.0.2.1", "nohost.invalid"], ids=["of another machine", "unknown"])
async def test_a_host_that_is_not_ours_names_the_host(host: str) -> None:
    assert (await refused(host, 0)).endswith("choose another --metrics-host, an address of this machine")
