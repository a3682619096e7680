"""People who leave when their test ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from person import ENCODINGS, Encoding, Person
from stack import log_in


@pytest.fixture(params=ENCODINGS, ids=lambda encoding: encoding.name)
def encoding(request: pytest.FixtureRequest) -> Encoding:
    return request.param


@pytest_asyncio.fixture
async def person(encoding: Encoding) -> AsyncIterator[Callable[..., Person]]:
    """Makes people who are not connected yet."""
    made: list[Person] = []

    def make(address: str, **options: Any) -> Person:
        made.append(Person(encoding, address, **options))
        return made[-1]

    yield make
    for one in made:
        await one.client.disconnect()
    # The SDK closes its socket in the background; the event loop must not end before.
    await asyncio.sleep(0.1)


@pytest.fixture
def connect(person: Callable[..., Person]) -> Callable[..., Awaitable[Person]]:
    """Makes people who are; signed in as `account` by REST unless the options say otherwise."""

    async def connect(account: dict, address: str, **options: Any) -> Person:
        if not options:
            options = {"token": await log_in(account)}
        one = person(address, **options)
        await one.client.connect()
        await one.one("connected")
        return one

    return connect
