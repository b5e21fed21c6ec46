"""A small page for machines: `/livez` (the loop turns), `/readyz` (assigned, restored, pages come), `/metrics`.

One rule: lag is never part of readiness, or a busy worker would be restarted for being busy.
"""

import errno
from collections.abc import Callable

import structlog
from aiohttp import web
from mode import Service
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from streams.errors import Trouble

_log = structlog.get_logger()


class HealthPage(Service):
    """Serves the page while the worker runs.

    Args:
        host: where to listen; loopback unless somebody decided otherwise.
        port: 0 takes a free one; `port` then says which.
        registry: what `/metrics` shows.
        not_ready: says why the worker is not ready; `None` when it is.
    """

    mundane_level = "debug"

    def __init__(
        self, host: str, port: int, registry: CollectorRegistry, not_ready: Callable[[], str | None]
    ) -> None:
        super().__init__()
        self.port = port
        self._host = host
        self._registry = registry
        self._not_ready = not_ready
        self._runner: web.AppRunner | None = None

    async def on_start(self) -> None:
        """Listen.

        Raises:
            Trouble: the port is taken, or the host is no address of this machine.
        """
        app = web.Application()
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self.port)
        try:
            await site.start()
        except OSError as error:
            remedy = (
                "--metrics-port, 0 takes a free one"
                if error.errno in {errno.EADDRINUSE, errno.EACCES}
                else "--metrics-host, an address of this machine"
            )
            raise Trouble(
                f"metrics cannot listen on {self._host}:{self.port}: {error.strerror}; choose another {remedy}"
            ) from error
        self.port = self._runner.addresses[0][1]
        _log.info("health.listening", host=self._host, port=self.port)

    async def on_stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _livez(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        reason = self._not_ready()
        return web.Response(text=f"{reason or 'ok'}\n", status=503 if reason else 200)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )
