"""What probes and monitors ask over HTTP: /healthz, /readyz and /metrics."""

from fastapi import APIRouter, Response

from gateway.metrics import MEDIA_TYPE, metrics_text
from gateway.rest_models import HealthModel
from gateway.service import GatewayService


def health_routes(service: GatewayService) -> APIRouter:
    """The routes over the service."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def alive() -> dict[str, str]:
        """Tell that this process answers."""
        return {"status": "ok"}

    @router.get(
        "/readyz", response_model=HealthModel, response_model_exclude_none=True, responses={503: {"model": HealthModel}}
    )
    async def ready(response: Response) -> HealthModel:
        """Tell whether a submission would be accepted, and how many consumers there are to work on it."""
        health = await service.health()
        response.status_code = 503 if health.refusal else 200
        return HealthModel(
            status="not ready" if health.refusal else "ready",
            reason=health.refusal.reason.value if health.refusal else None,
            store=health.store,
            consumers=health.consumers,
        )

    @router.get("/metrics", response_class=Response, responses={200: {"content": {MEDIA_TYPE: {}}}})
    async def metrics() -> Response:
        """Tell the figures of the job store, in the text format of Prometheus."""
        return Response(metrics_text(await service.health()), media_type=MEDIA_TYPE)

    return router
