"""Serve's HAProxy mode against its Python proxies, for the same call."""

import asyncio
from statistics import median
from typing import TYPE_CHECKING

import grpc

from bench.figure import Figure, Goal, ratio
from bench.gateways import FRONT, PYTHON_PROXIES, Gateways
from bench.load import CALLS_AT_A_TIME, rates_in_turn, submission
from pdfgateway.v1 import pdf_gateway_service_pb2 as pb
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceStub

if TYPE_CHECKING:
    from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceAsyncStub

GOAL = Goal(">=", 3)


def measure(gateways: Gateways) -> list[Figure]:
    """The rate of GetStatus, as a ratio to the one through the Python proxies."""
    front, python = gateways.need(FRONT, PYTHON_PROXIES)
    return asyncio.run(_measure(front.grpc_address, python.grpc_address))


async def _measure(address: str, python_address: str) -> list[Figure]:
    async with grpc.aio.insecure_channel(address) as channel, grpc.aio.insecure_channel(python_address) as python:
        haproxy_stub: PDFGatewayServiceAsyncStub = PDFGatewayServiceStub(channel)
        python_stub: PDFGatewayServiceAsyncStub = PDFGatewayServiceStub(python)
        haproxy_status, python_status = [
            pb.GetStatusRequest(job_id=(await stub.SubmitPDF(submission())).job.id)
            for stub in (haproxy_stub, python_stub)
        ]
        rates = await rates_in_turn(
            {
                "python": lambda: python_stub.GetStatus(python_status),
                "haproxy": lambda: haproxy_stub.GetStatus(haproxy_status),
            }
        )
    return [
        Figure(
            what=f"GetStatus, HAProxy / Python proxies, {CALLS_AT_A_TIME} at a time",
            value=ratio(rates["haproxy"], rates["python"]),
            goal=GOAL,
            detail=f"{median(rates['haproxy']):,.0f}/s : {median(rates['python']):,.0f}/s",
        )
    ]
