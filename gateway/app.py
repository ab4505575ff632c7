"""The Serve application: the one place where the ingress and the consumers meet."""

from typing import Any

from ray import serve
from ray.serve.config import gRPCOptions

from gateway.ingress import Ingress
from gateway.settings import Settings
from workers.consumer import consumer_deployment

APP_NAME = "pdfgateway"
INGRESS_CPUS = 0.1
"""CPUs that Ray sets aside for an ingress."""
ONGOING_REQUESTS_BESIDE_WATCHES = 1_000
"""Requests that an ingress takes beside its watches: watches can never crowd out submissions."""

SERVICER_FUNCTIONS = [
    "pdfgateway.v1.pdf_gateway_service_pb2_grpc.add_PDFGatewayServiceServicer_to_server",
    "grpc_health.v1.health_pb2_grpc.add_HealthServicer_to_server",
]
"""The gRPC services whose methods the ingress has."""


def build(settings: Settings, *, haproxy: bool) -> serve.Application:
    """The application with these settings, for Serve's HAProxy mode or for its Python proxies."""
    ingress: Any = serve.deployment(  # Ray types `deployment(cls, …)` as a decorator
        serve.ingress()(Ingress),
        name="Ingress",
        num_replicas=settings.ingress_replicas,
        max_ongoing_requests=settings.watches_max + ONGOING_REQUESTS_BESIDE_WATCHES,
        ray_actor_options={"num_cpus": INGRESS_CPUS},
    )
    consumers = consumer_deployment(settings).bind(settings) if settings.has_consumers else None
    application: serve.Application = ingress.bind(settings, streams_may_return_refusals=haproxy, consumers=consumers)
    return application


def grpc_options(settings: Settings) -> gRPCOptions:
    """Serve's gRPC options. No time-out of its own: it would cut watches."""
    return gRPCOptions(
        port=settings.grpc_port,
        grpc_servicer_functions=SERVICER_FUNCTIONS,
        enable_reflection=settings.reflection,
    )
