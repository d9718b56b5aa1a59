"""The AcousticSense REST protocol: ``POST /analyze-audio``."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile
from starlette.responses import JSONResponse

from gateway import errors
from gateway.analysis import analysis_object
from gateway.analyzer import Audio
from gateway.connection import unless_gone
from gateway.state import state_of

router = APIRouter()

_FILE_FIELD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


def problem(request: Request, error: errors.ApiError) -> JSONResponse:
    """A failure in this dialect: an RFC 9457 problem document."""
    content = {
        "type": "about:blank",
        "title": error.name,
        "status": error.rest_status,
        "detail": error.detail or error.name,
        "code": error.code,
        "request_id": request.state.task_id,
    }
    headers = {**error.headers, "Content-Type": "application/problem+json"}
    return JSONResponse(content, error.rest_status, headers=headers)


@router.post(
    "/analyze-audio", tags=["rest"], summary="Name the genre of a song", openapi_extra=_FILE_FIELD
)
async def analyze_audio(request: Request) -> JSONResponse:
    """Answer with the analysis object of the audio in the multipart field ``file``."""
    state = state_of(request)
    data = await _file(request, state.settings.max_audio_bytes)
    result = await unless_gone(request, state.analyzer.genre(Audio(data)))
    content = analysis_object(result, request.state.task_id, state.now())
    return JSONResponse(content, headers={"Server-Timing": result.timings.header()})


async def _file(request: Request, limit: int) -> bytes:
    """The uploaded file; the parser keeps it on disk while it comes."""
    async with request.form(max_files=1, max_fields=8) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise errors.EmptyData("send the audio in the multipart field `file`")
        data = await file.read(limit + 1)
    if len(data) > limit:
        raise errors.ExceededDataSize(f"more than the limit of {limit} bytes")
    if not data:
        raise errors.EmptyData("the file is empty")
    return data
