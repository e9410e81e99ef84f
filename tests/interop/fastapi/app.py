"""A typical FastAPI server: responses as event streams at POST /v1/responses, and no WebSocket route."""

import json

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

app = FastAPI()


def item_for(request):
    outputs = [item["output"] for item in request["input"] if item.get("type") == "function_call_output"]
    if request.get("tools") and not outputs:
        name = request["tools"][0]["name"]
        return {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": name, "arguments": '{"city":"Bergen"}'}
    text = f"The tool says {outputs[-1].strip()}." if outputs else "Good morning."
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "id": "msg_1", "role": "assistant", "content": [part]}


@app.post("/v1/responses")
async def create(request: Request):
    item = item_for(await request.json())
    usage = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}

    def events():
        yield {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}}
        for part in item.get("content", []):
            yield {"type": "response.output_text.delta", "item_id": item["id"], "output_index": 0, "content_index": 0, "delta": part["text"]}
        yield {"type": "response.output_item.done", "output_index": 0, "item": item}
        yield {"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": [item], "usage": usage}}

    lines = (f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events())
    return StreamingResponse(lines, media_type="text/event-stream")
