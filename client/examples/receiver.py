"""A webhook's receiver: ``WEBHOOK_SECRET=… uvicorn receiver:app``."""

import json
import os

from acousticsense import VerificationError, verify_webhook
from fastapi import FastAPI, HTTPException, Request

SECRET = os.environ["WEBHOOK_SECRET"]
app = FastAPI()
seen: set[str] = set()  # in earnest: a table with a unique key, filled with the work it stands for


@app.post("/webhook")
async def webhook(request: Request) -> dict[str, str]:
    """Take a result once, however often it is delivered."""
    body = await request.body()
    try:
        webhook_id = verify_webhook(body, request.headers, SECRET)
    except VerificationError as error:
        raise HTTPException(401, str(error)) from error
    if webhook_id in seen:
        return {"status": "known"}
    result = json.loads(body)
    if "code" in result:
        print(f"{result['request_id']} failed: {result['detail']}")
    else:
        print(f"{result['request_id']}: {result['top_genre']} ({result['top_confidence']} %)")
    if webhook_id is not None:
        seen.add(webhook_id)
    return {"status": "received"}
