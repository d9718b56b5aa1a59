"""Whether the service lives, whether it can answer, and what it has done so far."""

from __future__ import annotations

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse, Response

from gateway.openapi import READINESS_RESPONSES
from gateway.state import state_of

router = APIRouter(tags=["health"])


@router.get("/health", summary="Status for clients", responses=READINESS_RESPONSES)
async def health(request: Request) -> JSONResponse:
    """``healthy`` while both ensembles are ready, else 503 ``unhealthy``."""
    state = state_of(request)
    ready = await state.analyzer.ready()
    content = {
        "status": "healthy" if ready else "unhealthy",
        "timestamp": state.now().isoformat(),
    }
    return JSONResponse(content, 200 if ready else 503)


@router.get("/health/live", summary="Liveness probe")
async def live() -> JSONResponse:
    """Answer: the process runs, whatever Triton does."""
    return JSONResponse({"status": "live"})


@router.get("/health/ready", summary="Readiness probe", responses=READINESS_RESPONSES)
async def ready(request: Request) -> JSONResponse:
    """Answer 200 when both ensembles are ready in Triton, 503 otherwise."""
    state = state_of(request)
    if not state.runtime.draining and await state.analyzer.ready():
        return JSONResponse({"status": "ready"})
    return JSONResponse({"status": "not ready"}, 503)


@router.get("/metrics", summary="For Prometheus")
async def metrics(request: Request) -> Response:
    """The gateway's metrics; Triton's own are on its metrics port."""
    state = state_of(request)
    state.metrics.triton_ready.set(await state.analyzer.ready())
    await state.tasks.measure()
    return Response(state.metrics.text(), media_type=CONTENT_TYPE_LATEST)
