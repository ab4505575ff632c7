"""Each contract test runs on the shipped fake and on the real thing."""

from collections.abc import AsyncGenerator

import pytest
from redis import Redis

from tests.contract.stores import Stores, memory_stores, redis_stores


@pytest.fixture(params=["memory", "valkey"])
async def stores(request: pytest.FixtureRequest) -> AsyncGenerator[Stores, None]:
    """A store without jobs."""
    if request.param == "memory":
        async with memory_stores() as stores:
            yield stores
    else:
        client: Redis[bytes] = request.getfixturevalue("valkey")
        async with redis_stores(client) as stores:
            yield stores
