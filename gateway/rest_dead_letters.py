"""The dead-letter queues over HTTP: /v1/dead-letters."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime

from gateway.dead_letters import DeadLetterFilter, DeadLetters
from gateway.page_token import PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX
from gateway.problem import problems
from gateway.rest_body import JSON_BYTES_MAX, parse_json, read_body
from gateway.rest_json import dead_letter_model, time_us
from gateway.rest_models import DeadLetterFilterModel, DeadLetterListModel, PurgedModel, ReplayedModel

FILTER_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": DeadLetterFilterModel.model_json_schema()}},
    }
}


def dead_letter_routes(dead_letters: DeadLetters) -> APIRouter:
    """The routes over the dead letters."""
    router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])

    @router.get("", response_model=DeadLetterListModel, response_model_exclude_none=True, responses=problems(400))
    async def list_dead_letters(
        response: Response,
        queue: Annotated[str, Query(description="failed_pdfs or invalid_pdfs; empty for both.")] = "",
        reason: Annotated[str, Query(description="Letters with this reason.")] = "",
        time_before: Annotated[AwareDatetime | None, Query(description="Letters that came before.")] = None,
        page_size: Annotated[int, Query(description=f"At most {PAGE_SIZE_MAX}.")] = PAGE_SIZE_DEFAULT,
        page_token: Annotated[str, Query(description="The next_page_token of the page before.")] = "",
    ) -> DeadLetterListModel:
        """Return the dead letters, newest first in each queue, page by page."""
        wanted = DeadLetterFilter(queue=queue, reason=reason, before_us=time_us(time_before))
        letters, token = await dead_letters.page(wanted, page_size, page_token)
        response.headers["Cache-Control"] = "no-store"
        return DeadLetterListModel(dead_letters=list(map(dead_letter_model, letters)), next_page_token=token or None)

    @router.post(":replay", response_model=ReplayedModel, responses=problems(400, 413), openapi_extra=FILTER_BODY)
    async def replay_dead_letters(request: Request) -> ReplayedModel:
        """Replay every job whose dead letter matches."""
        return ReplayedModel(replayed_count=await dead_letters.replay(await _read_filter(request)))

    @router.post(":purge", response_model=PurgedModel, responses=problems(400, 413), openapi_extra=FILTER_BODY)
    async def purge_dead_letters(request: Request) -> PurgedModel:
        """Remove every dead letter that matches; its job stays as it is."""
        return PurgedModel(purged_count=await dead_letters.purge(await _read_filter(request)))

    return router


async def _read_filter(request: Request) -> DeadLetterFilter:
    model = parse_json(DeadLetterFilterModel, await read_body(request, JSON_BYTES_MAX))
    return DeadLetterFilter(queue=model.queue, reason=model.reason, before_us=time_us(model.time_before))
