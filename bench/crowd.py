"""Many watchers over a few connections."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

import grpc

from pdfgateway.v1 import job_pb2
from pdfgateway.v1 import pdf_gateway_service_pb2 as pb
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceStub

if TYPE_CHECKING:
    from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceAsyncStub

WATCHES_PER_CONNECTION_MAX = 500
"""An HTTP/2 connection carries 1,000 streams; some are left to other calls."""
OPENING_AT_A_TIME = 50


@dataclass(frozen=True, slots=True)
class End:
    """How a watch ended."""

    state: job_pb2.JobState.ValueType
    """The job's last state that was seen."""
    code: grpc.StatusCode
    time: float
    """When, in seconds since 1970."""


class Crowd:
    """Watchers that are open within the `async with` block."""

    def __init__(self, address: str) -> None:
        """Watch at this gateway."""
        self._address = address
        self._channels: list[grpc.aio.Channel] = []
        self._watches: list[asyncio.Task[End]] = []
        self._opening = asyncio.Semaphore(OPENING_AT_A_TIME)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        for channel in self._channels:
            await channel.close()

    async def watch(self, job_ids: Sequence[str]) -> None:
        """Open a watch of each job, and return when each has had its first message."""
        first_messages = []
        for job_id in job_ids:
            if len(self._watches) % WATCHES_PER_CONNECTION_MAX == 0:
                # Without a pool of its own, every channel to one address shares one connection.
                options = [("grpc.use_local_subchannel_pool", 1)]
                self._channels.append(grpc.aio.insecure_channel(self._address, options=options))
            stub: PDFGatewayServiceAsyncStub = PDFGatewayServiceStub(self._channels[-1])
            first_message = asyncio.get_running_loop().create_future()
            first_messages.append(first_message)
            self._watches.append(asyncio.create_task(self._watch(stub, job_id, first_message)))
        await asyncio.gather(*first_messages)

    async def _watch(
        self, stub: "PDFGatewayServiceAsyncStub", job_id: str, first_message: "asyncio.Future[None]"
    ) -> End:
        state = job_pb2.JOB_STATE_UNSPECIFIED
        try:
            async with self._opening:
                call = stub.WatchStatus(pb.WatchStatusRequest(job_id=job_id))
                messages = aiter(call)
                state = (await anext(messages)).job.state
                first_message.set_result(None)
            async for message in messages:
                if message.HasField("job"):
                    state = message.job.state
        except BaseException as error:
            if not first_message.done():
                first_message.set_exception(error)
            raise
        return End(state, await call.code(), time.time())

    async def ends(self) -> list[End]:
        """Wait until all watches have ended, and tell how."""
        return await asyncio.gather(*self._watches)
