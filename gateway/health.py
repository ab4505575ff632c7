"""grpc.health.v1 (Check, List and Watch), telling what the service depends on and not only that a port is open."""

import asyncio
from collections.abc import AsyncGenerator

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from gateway.errors import gateway_stopping
from gateway.rpc_status import RpcContext, refuse
from gateway.service import GatewayService, Health

GATEWAY_SERVICES = frozenset({"", "pdfgateway.v1.PDFGatewayService"})
"""SERVING while a submission would be accepted."""
WORKERS_SERVICE = "pdfgateway.workers"
"""SERVING while at least one consumer shows life."""
WATCHES_MAX = 100
"""Watches of the health at once in one ingress process: probes need few, and each holds a place for requests."""
WATCH_SECONDS = 1
"""How often a watched status is read."""


def serving_status(service: str, health: Health) -> int:
    """The status of a service by its name, as grpc.health.v1 has it."""
    if service in GATEWAY_SERVICES:
        serving = health.refusal is None
    elif service == WORKERS_SERVICE:
        serving = health.consumers > 0
    else:
        return HealthCheckResponse.SERVICE_UNKNOWN
    return HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING


class HealthTranslator:
    """The two RPCs of grpc.health.v1.Health."""

    def __init__(self, service: GatewayService) -> None:
        self._service = service
        self._watches = 0

    async def check(self, request: HealthCheckRequest, context: RpcContext) -> HealthCheckResponse:
        """Check: the status now; NOT_FOUND for a name that is none of ours."""
        status = serving_status(request.service, await self._service.health())
        if status == HealthCheckResponse.SERVICE_UNKNOWN:
            context.set_code(grpc.StatusCode.NOT_FOUND)
            context.set_details("unknown service")
            return HealthCheckResponse()
        return HealthCheckResponse(status=status)

    async def list(self) -> Message:
        """List: the status of every service that there is."""
        health = await self._service.health()
        listed: Message = health_pb2.HealthListResponse(  # type: ignore[attr-defined]  # newer than its type stubs
            statuses={
                name: HealthCheckResponse(status=serving_status(name, health))
                for name in sorted((*GATEWAY_SERVICES, WORKERS_SERVICE))
            }
        )
        return listed

    async def watch(
        self, request: HealthCheckRequest, context: RpcContext
    ) -> AsyncGenerator[HealthCheckResponse, None]:
        """Watch: the status now, and each time that it changes, until this process is to stop.

        RESOURCE_EXHAUSTED where too many watch; NOT_SERVING and UNAVAILABLE at the stop.
        """
        if self._watches >= WATCHES_MAX:
            context.set_code(grpc.StatusCode.RESOURCE_EXHAUSTED)
            context.set_details(f"{self._watches} callers watch the health already")
            return
        self._watches += 1
        known: int | None = None
        try:
            while not self._service.is_stopping:
                status = serving_status(request.service, await self._service.health())
                if status != known:
                    known = status
                    yield HealthCheckResponse(status=status)
                await asyncio.sleep(WATCH_SECONDS)
            refuse(context, gateway_stopping())
            # A status reaches Serve's Python proxies with a message, and never after the last one.
            yield HealthCheckResponse(status=HealthCheckResponse.NOT_SERVING)
        finally:
            self._watches -= 1
