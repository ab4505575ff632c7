"""The ingress: one class that Serve's gRPC and HTTP proxies both lead to. It only joins what is made elsewhere."""

import asyncio
from collections.abc import AsyncGenerator
from functools import partial
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2

from gateway.blob_writer import StoreBlobs
from gateway.health import HealthTranslator
from gateway.redis_commands import RedisCommands, connect
from gateway.redis_feed import RedisFeed
from gateway.redis_job_store import RedisJobStore
from gateway.replica_stop import when_told_to_stop
from gateway.rest import build_api
from gateway.rpc import RpcTranslator
from gateway.rpc_status import RpcContext
from gateway.service import GatewayService
from gateway.settings import Settings
from gateway.sweeper import Sweeper
from gateway.watch_hub import WatchHub
from pdfgateway.v1 import pdf_gateway_service_pb2 as service_pb2
from workers.blobs import Blobs
from workers.envelope import make_envelope


class Ingress:
    """The deployment's class. Serve calls the methods by their RPC's names, and the ASGI app for HTTP."""

    def __init__(self, settings: Settings, *, streams_may_return_refusals: bool, consumers: Any = None) -> None:
        """`consumers` is the consumers' handle: to hold it makes Serve deploy them with the ingress."""
        self._consumers = consumers
        connect_to_redis = partial(connect, settings.redis_url, settings.store_seconds_max)
        store = RedisJobStore(
            RedisCommands(connect_to_redis(), settings.store_seconds_max),
            make_envelope(),
            max_attempts=settings.attempts_max,
            queued_max=settings.queued_jobs_max,
        )
        hub = WatchHub(
            store,
            RedisFeed(connect_to_redis, settings.store_seconds_max),
            watches_max=settings.watches_max,
        )
        blobs = StoreBlobs(Blobs(settings))
        service = GatewayService(settings, store, hub, blobs)
        self._rpc = RpcTranslator(service, streams_may_return_refusals=streams_may_return_refusals)
        self._health = HealthTranslator(service)
        self._api = build_api(service, settings, version("pdfgateway"))
        when_told_to_stop(hub.stop)
        loop = asyncio.get_event_loop()
        sweeper = Sweeper(store, blobs, lease_seconds=settings.lease_seconds)
        self._tasks = [loop.create_task(hub.run()), loop.create_task(sweeper.run())]

    def check_health(self) -> None:
        """Let Serve replace this replica if one of its tasks has ended, which none of them should.

        Raises:
            RuntimeError: one has.
        """
        for task in self._tasks:
            if task.done():
                raise RuntimeError("a background task of the ingress has ended")

    def __serve_build_asgi_app__(self) -> FastAPI:
        """The HTTP app, when Serve asks for it."""
        return self._api

    async def SubmitPDF(  # noqa: N802  (Serve calls an RPC's method by the RPC's name)
        self, request: service_pb2.SubmitPDFRequest, grpc_context: RpcContext
    ) -> service_pb2.SubmitPDFResponse:
        """See the contract."""
        return await self._rpc.submit_pdf(request, grpc_context)

    async def GetStatus(  # noqa: N802  (Serve calls an RPC's method by the RPC's name)
        self, request: service_pb2.GetStatusRequest, grpc_context: RpcContext
    ) -> service_pb2.GetStatusResponse:
        """See the contract."""
        return await self._rpc.get_status(request, grpc_context)

    async def WatchStatus(  # noqa: N802  (Serve calls an RPC's method by the RPC's name)
        self, request: service_pb2.WatchStatusRequest, grpc_context: RpcContext
    ) -> AsyncGenerator[service_pb2.WatchStatusResponse, None]:
        """See the contract."""
        watch = self._rpc.watch_status(request, grpc_context)
        try:
            async for message in watch:
                yield message
        finally:
            await watch.aclose()

    async def CancelJob(  # noqa: N802  (Serve calls an RPC's method by the RPC's name)
        self, request: service_pb2.CancelJobRequest, grpc_context: RpcContext
    ) -> service_pb2.CancelJobResponse:
        """See the contract."""
        return await self._rpc.cancel_job(request, grpc_context)

    async def ListJobs(  # noqa: N802  (Serve calls an RPC's method by the RPC's name)
        self, request: service_pb2.ListJobsRequest, grpc_context: RpcContext
    ) -> service_pb2.ListJobsResponse:
        """See the contract."""
        return await self._rpc.list_jobs(request, grpc_context)

    async def DeleteJob(  # noqa: N802  (Serve calls an RPC's method by the RPC's name)
        self, request: service_pb2.DeleteJobRequest, grpc_context: RpcContext
    ) -> service_pb2.DeleteJobResponse:
        """See the contract."""
        return await self._rpc.delete_job(request, grpc_context)

    async def ReplayJob(  # noqa: N802  (Serve calls an RPC's method by the RPC's name)
        self, request: service_pb2.ReplayJobRequest, grpc_context: RpcContext
    ) -> service_pb2.ReplayJobResponse:
        """See the contract."""
        return await self._rpc.replay_job(request, grpc_context)

    async def ListDeadLetters(  # noqa: N802  (Serve calls an RPC's method by the RPC's name)
        self, request: service_pb2.ListDeadLettersRequest, grpc_context: RpcContext
    ) -> service_pb2.ListDeadLettersResponse:
        """See the contract."""
        return await self._rpc.list_dead_letters(request, grpc_context)

    async def ReplayDeadLetters(  # noqa: N802  (Serve calls an RPC's method by the RPC's name)
        self, request: service_pb2.ReplayDeadLettersRequest, grpc_context: RpcContext
    ) -> service_pb2.ReplayDeadLettersResponse:
        """See the contract."""
        return await self._rpc.replay_dead_letters(request, grpc_context)

    async def PurgeDeadLetters(  # noqa: N802  (Serve calls an RPC's method by the RPC's name)
        self, request: service_pb2.PurgeDeadLettersRequest, grpc_context: RpcContext
    ) -> service_pb2.PurgeDeadLettersResponse:
        """See the contract."""
        return await self._rpc.purge_dead_letters(request, grpc_context)

    async def Check(  # noqa: N802  (Serve calls an RPC's method by the RPC's name)
        self, request: health_pb2.HealthCheckRequest, grpc_context: RpcContext
    ) -> health_pb2.HealthCheckResponse:
        """grpc.health.v1.Health/Check."""
        return await self._health.check(request, grpc_context)

    async def List(  # noqa: N802  (Serve calls an RPC's method by the RPC's name)
        self,
        request: Message,  # noqa: ARG002  (it is empty)
    ) -> Message:
        """grpc.health.v1.Health/List."""
        return await self._health.list()

    async def Watch(  # noqa: N802  (Serve calls an RPC's method by the RPC's name)
        self, request: health_pb2.HealthCheckRequest, grpc_context: RpcContext
    ) -> AsyncGenerator[health_pb2.HealthCheckResponse, None]:
        """grpc.health.v1.Health/Watch."""
        watch = self._health.watch(request, grpc_context)
        try:
            async for message in watch:
                yield message
        finally:
            await watch.aclose()
