"""The gateway with an ingress that answers at once and does nothing: what a call costs on its way alone."""

import sys
from typing import Any

from fastapi import FastAPI
from grpc_health.v1 import health_pb2
from ray import serve

import gateway.cluster
import gateway.serve
from gateway.app import INGRESS_CPUS, ONGOING_REQUESTS_BESIDE_WATCHES
from gateway.settings import Settings
from pdfgateway.v1 import pdf_gateway_service_pb2 as service_pb2


class NoopIngress:
    """Has the methods that are measured, and the health that the start waits for."""

    def __serve_build_asgi_app__(self) -> FastAPI:
        """An HTTP app without routes."""
        return FastAPI(openapi_url=None)

    async def SubmitPDF(  # noqa: N802  (Serve calls an RPC's method by the RPC's name)
        self, _: service_pb2.SubmitPDFRequest
    ) -> service_pb2.SubmitPDFResponse:
        """Answer."""
        return service_pb2.SubmitPDFResponse()

    async def GetStatus(  # noqa: N802  (Serve calls an RPC's method by the RPC's name)
        self, _: service_pb2.GetStatusRequest
    ) -> service_pb2.GetStatusResponse:
        """Answer."""
        return service_pb2.GetStatusResponse()

    async def Check(  # noqa: N802  (Serve calls an RPC's method by the RPC's name)
        self, _: health_pb2.HealthCheckRequest
    ) -> health_pb2.HealthCheckResponse:
        """Be well."""
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)


def build(settings: Settings, *, haproxy: bool) -> serve.Application:  # noqa: ARG001  (gateway.app.build's signature)
    """The application: deployed as `gateway.app.build` deploys the ingress."""
    ingress: Any = serve.deployment(  # Ray types `deployment(cls, …)` as a decorator
        serve.ingress()(NoopIngress),
        name="Ingress",
        max_ongoing_requests=settings.watches_max + ONGOING_REQUESTS_BESIDE_WATCHES,
        ray_actor_options={"num_cpus": INGRESS_CPUS},
    )
    application: serve.Application = ingress.bind()
    return application


if __name__ == "__main__":
    gateway.cluster.build = build  # type: ignore[attr-defined]  # not exported, but where it is called
    sys.exit(gateway.serve.main())
