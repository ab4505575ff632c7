"""The gRPC side: the RPCs of PDFGatewayService over the service. See rpc_messages and rpc_status."""

from collections.abc import AsyncGenerator

from gateway.errors import gateway_stopping
from gateway.faults import as_refusal
from gateway.rpc_messages import (
    dead_letter_filter,
    dead_letter_message,
    job_message,
    job_query,
    seconds,
    submission,
    watch_message,
)
from gateway.rpc_status import RpcContext, RpcRefused, refusals, refuse
from gateway.service import GatewayService
from pdfgateway.v1 import pdf_gateway_service_pb2 as service_pb2


class RpcTranslator:
    """The RPCs of PDFGatewayService. Refusals are set on the context and an empty answer returned: to raise would lose
    their details, and print a traceback for each bad request.
    """

    def __init__(self, service: GatewayService, *, streams_may_return_refusals: bool) -> None:
        self._service = service
        self._streams_may_return_refusals = streams_may_return_refusals

    async def submit_pdf(
        self, request: service_pb2.SubmitPDFRequest, context: RpcContext
    ) -> service_pb2.SubmitPDFResponse:
        """SubmitPDF."""
        with refusals(context):
            job = await self._service.submit(submission(request))
            return service_pb2.SubmitPDFResponse(job=job_message(job))
        return service_pb2.SubmitPDFResponse()

    async def get_status(
        self, request: service_pb2.GetStatusRequest, context: RpcContext
    ) -> service_pb2.GetStatusResponse:
        """GetStatus."""
        with refusals(context):
            wait_seconds = seconds(request.wait) if request.HasField("wait") else 0
            job = await self._service.status(request.job_id, wait_seconds=wait_seconds)
            return service_pb2.GetStatusResponse(job=job_message(job))
        return service_pb2.GetStatusResponse()

    async def cancel_job(
        self, request: service_pb2.CancelJobRequest, context: RpcContext
    ) -> service_pb2.CancelJobResponse:
        """CancelJob."""
        with refusals(context):
            return service_pb2.CancelJobResponse(job=job_message(await self._service.cancel(request.job_id)))
        return service_pb2.CancelJobResponse()

    async def list_jobs(
        self, request: service_pb2.ListJobsRequest, context: RpcContext
    ) -> service_pb2.ListJobsResponse:
        """ListJobs."""
        with refusals(context):
            jobs, token = await self._service.jobs(
                job_query(request), page_size=request.page_size, page_token=request.page_token
            )
            return service_pb2.ListJobsResponse(jobs=map(job_message, jobs), next_page_token=token)
        return service_pb2.ListJobsResponse()

    async def delete_job(
        self, request: service_pb2.DeleteJobRequest, context: RpcContext
    ) -> service_pb2.DeleteJobResponse:
        """DeleteJob."""
        with refusals(context):
            return service_pb2.DeleteJobResponse(job=job_message(await self._service.delete(request.job_id)))
        return service_pb2.DeleteJobResponse()

    async def replay_job(
        self, request: service_pb2.ReplayJobRequest, context: RpcContext
    ) -> service_pb2.ReplayJobResponse:
        """ReplayJob."""
        with refusals(context):
            return service_pb2.ReplayJobResponse(job=job_message(await self._service.replay(request.job_id)))
        return service_pb2.ReplayJobResponse()

    async def list_dead_letters(
        self, request: service_pb2.ListDeadLettersRequest, context: RpcContext
    ) -> service_pb2.ListDeadLettersResponse:
        """ListDeadLetters."""
        with refusals(context):
            wanted = dead_letter_filter(request.filter)
            letters, token = await self._service.dead_letters.page(wanted, request.page_size, request.page_token)
            messages = map(dead_letter_message, letters)
            return service_pb2.ListDeadLettersResponse(dead_letters=messages, next_page_token=token)
        return service_pb2.ListDeadLettersResponse()

    async def replay_dead_letters(
        self, request: service_pb2.ReplayDeadLettersRequest, context: RpcContext
    ) -> service_pb2.ReplayDeadLettersResponse:
        """ReplayDeadLetters."""
        with refusals(context):
            count = await self._service.dead_letters.replay(dead_letter_filter(request.filter))
            return service_pb2.ReplayDeadLettersResponse(replayed_count=count)
        return service_pb2.ReplayDeadLettersResponse()

    async def purge_dead_letters(
        self, request: service_pb2.PurgeDeadLettersRequest, context: RpcContext
    ) -> service_pb2.PurgeDeadLettersResponse:
        """PurgeDeadLetters."""
        with refusals(context):
            count = await self._service.dead_letters.purge(dead_letter_filter(request.filter))
            return service_pb2.PurgeDeadLettersResponse(purged_count=count)
        return service_pb2.PurgeDeadLettersResponse()

    async def watch_status(
        self, request: service_pb2.WatchStatusRequest, context: RpcContext
    ) -> AsyncGenerator[service_pb2.WatchStatusResponse, None]:
        """WatchStatus."""
        watch = self._service.watch(request.job_id, after_seq=request.after_seq)
        has_ended = False
        try:
            async for job in watch:
                yield watch_message(job)
                has_ended = job is not None and job.state.is_terminal
            if self._service.is_stopping and not has_ended:
                refuse(context, gateway_stopping())
                # A status reaches Serve's Python proxies with a message, and never after the last one.
                yield watch_message(None)
        except Exception as error:
            refuse(context, as_refusal(error))
            if not self._streams_may_return_refusals:
                raise RpcRefused from error
        finally:
            await watch.aclose()
