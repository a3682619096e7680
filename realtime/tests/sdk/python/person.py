"""Somebody with an app: a client of the official SDK that remembers everything it is told."""

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from centrifuge import Client, ClientEventHandler, Subscription, SubscriptionEventHandler

CLIENT_EVENTS = (
    "connecting", "connected", "disconnected", "error", "subscribing", "subscribed", "unsubscribed", "publication",
)
SUBSCRIPTION_EVENTS = ("subscribing", "subscribed", "unsubscribed", "publication", "join", "leave", "error")


class Encoding:
    """One of the SDK's two encodings; in Protobuf an app encodes payloads itself, and ours are JSON."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.protobuf = name == "Protobuf"

    def encode(self, data: Any) -> Any:
        return json.dumps(data).encode() if self.protobuf else data

    def decode(self, data: Any) -> Any:
        return json.loads(data) if self.protobuf and data else data


ENCODINGS = [Encoding("JSON"), Encoding("Protobuf")]


class Hearing:
    """What was heard, in order, and a way to wait for more of it."""

    def __init__(self, events: tuple[str, ...], base: type, encoding: Encoding) -> None:
        self.heard: list[SimpleNamespace] = []
        self._more = asyncio.Condition()
        self._encoding = encoding
        self.handler = base()
        for event in events:
            setattr(self.handler, f"on_{event}", self._listener(event))

    def _listener(self, event: str) -> Callable[[Any], Any]:
        async def listener(context: Any) -> None:
            one = SimpleNamespace(event=event, **vars(context))
            if event == "publication":
                one.offset, one.data = one.pub.offset, self._encoding.decode(one.pub.data)
            elif hasattr(one, "data"):
                one.data = self._encoding.decode(one.data)
            async with self._more:
                self.heard.append(one)
                self._more.notify_all()

        return listener

    def all(self, event: str, matches: Callable[[Any], bool] = lambda one: True) -> list[SimpleNamespace]:
        """Everything of one kind, in the order heard."""
        return [one for one in self.heard if one.event == event and matches(one)]

    async def some(
        self, count: int, event: str, matches: Callable[[Any], bool] = lambda one: True, patience: float = 8
    ) -> list[SimpleNamespace]:
        """The first `count` of a kind, once they are there."""
        try:
            async with asyncio.timeout(patience), self._more:
                await self._more.wait_for(lambda: len(self.all(event, matches)) >= count)
        except TimeoutError:
            raise AssertionError(
                f"{count} × {event} did not come within {patience} s; heard: {self.heard}"
            ) from None
        return self.all(event, matches)[:count]

    async def one(
        self, event: str, matches: Callable[[Any], bool] = lambda one: True, patience: float = 8
    ) -> SimpleNamespace:
        """The first of a kind, once it is there."""
        return (await self.some(1, event, matches, patience))[0]


class Listening(Hearing):
    """A subscription of a person."""

    subscription: Subscription

    def __init__(self, encoding: Encoding) -> None:
        super().__init__(SUBSCRIPTION_EVENTS, SubscriptionEventHandler, encoding)


class Person(Hearing):
    """A client at an address; `disconnect` it at the end."""

    def __init__(self, encoding: Encoding, address: str, **options: Any) -> None:
        super().__init__(CLIENT_EVENTS, ClientEventHandler, encoding)
        self.client = Client(
            address,
            events=self.handler,
            use_protobuf=encoding.protobuf,
            min_reconnect_delay=0.05,
            max_reconnect_delay=0.4,
            proxy=None,
            **options,
        )

    async def rpc(self, method: str, data: Any) -> Any:
        answer = await self.client.rpc(method, self._encoding.encode(data))
        return self._encoding.decode(answer.data)

    async def listen(self, channel: str, **options: Any) -> Listening:
        """Begins to listen to a channel; does not wait."""
        hearing = Listening(self._encoding)
        hearing.subscription = self.client.new_subscription(channel, events=hearing.handler, **options)
        await hearing.subscription.subscribe()
        return hearing

    async def listening(self, channel: str, **options: Any) -> Listening:
        """Listens to a channel, once the hub has said yes."""
        hearing = await self.listen(channel, **options)
        await hearing.one("subscribed")
        return hearing
