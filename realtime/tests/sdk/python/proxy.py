"""A TCP proxy in front of a hub whose connections can be cut without a close frame, as a lost network does."""

import asyncio
from urllib.parse import urlsplit


class Proxy:
    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream)
        self._open = True
        self._transports: set[asyncio.Transport] = set()
        self._tasks: set[asyncio.Task] = set()
        self.accepted = 0

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}{self._upstream.path}"
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.cut()
        self._server.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.transport.abort()
            return
        self.accepted += 1
        hub_reader, hub_writer = await asyncio.open_connection(self._upstream.hostname, self._upstream.port)
        self._transports |= {writer.transport, hub_writer.transport}
        for source, target in ((reader, hub_writer), (hub_reader, writer)):
            task = asyncio.create_task(self._copy(source, target))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                target.write(data)
                await target.drain()
        except OSError:
            pass
        finally:
            target.transport.abort()
            self._transports.discard(target.transport)

    def cut(self) -> None:
        """Aborts every connection, and every new one until `restore`."""
        self._open = False
        for transport in list(self._transports):
            transport.abort()

    def restore(self) -> None:
        self._open = True
