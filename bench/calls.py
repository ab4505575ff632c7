"""SubmitPDF and GetStatus against an RPC that does nothing, behind the same front."""

import asyncio
from statistics import median
from typing import TYPE_CHECKING

import grpc

from bench.figure import Figure, Goal, ratio
from bench.gateways import FRONT, NOOP, Gateways
from bench.load import CALLS_AT_A_TIME, rates_in_turn, submission
from pdfgateway.v1 import pdf_gateway_service_pb2 as pb
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceStub

if TYPE_CHECKING:
    from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceAsyncStub

GOAL = Goal(">=", 0.85)


def measure(gateways: Gateways) -> list[Figure]:
    """Rates of both calls, as ratios to the no-op's."""
    front, noop = gateways.need(FRONT, NOOP)
    return asyncio.run(_measure(front.grpc_address, noop.grpc_address))


async def _measure(address: str, noop_address: str) -> list[Figure]:
    async with grpc.aio.insecure_channel(address) as channel, grpc.aio.insecure_channel(noop_address) as noop_channel:
        stub: PDFGatewayServiceAsyncStub = PDFGatewayServiceStub(channel)
        noop: PDFGatewayServiceAsyncStub = PDFGatewayServiceStub(noop_channel)
        job = (await stub.SubmitPDF(submission())).job
        status = pb.GetStatusRequest(job_id=job.id)
        rates = await rates_in_turn(
            {
                "no-op": lambda: noop.GetStatus(status),
                "GetStatus": lambda: stub.GetStatus(status),
                "SubmitPDF": lambda: stub.SubmitPDF(submission()),
            }
        )
    return [
        Figure(
            what=f"{name} / no-op RPC, {CALLS_AT_A_TIME} at a time",
            value=ratio(rates[name], rates["no-op"]),
            goal=GOAL,
            detail=f"{median(rates[name]):,.0f}/s : {median(rates['no-op']):,.0f}/s",
        )
        for name in ("SubmitPDF", "GetStatus")
    ]
