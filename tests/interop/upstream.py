"""A chat-completions backend for gateways: `upstream.py PORT [once]`. It is the backend of the peers of this
folder.

A request that has tools and no tool's output gets a call of the first tool, with the arguments {"city":"Bergen"}. Any other gets
a text, which says what the last tool said: "The tool says wet." With `once`, the request after a call gets a text even if it has no
output, for gateways that lose it.
"""

import itertools
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ONCE = "once" in sys.argv
called = False
NUMBERS = itertools.count(1)
USAGE = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}


def text_of(content):
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""


def answer(request):
    """The message, and why it ends."""
    outputs = [text_of(message["content"]) for message in request["messages"] if message["role"] == "tool"]
    tools = request.get("tools") or []
    global called
    called = bool(tools) and not outputs and not (ONCE and called)
    if called:
        function = {"name": tools[0]["function"]["name"], "arguments": '{"city":"Bergen"}'}
        call = {"id": "call_1", "type": "function", "function": function}
        return {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"
    words = f"The tool says {outputs[-1].strip()}." if outputs else "Good morning from the backend."
    return {"role": "assistant", "content": words}, "stop"


def chunks(message):
    """The message as deltas: text word by word, the arguments of a call in two pieces."""
    yield {"role": "assistant", "content": ""}
    for word in (message["content"] or "").split():
        yield {"content": word + ("" if word.endswith(".") else " ")}
    for index, call in enumerate(message.get("tool_calls", [])):
        arguments = call["function"]["arguments"]
        begun = {**call, "index": index, "function": {**call["function"], "arguments": ""}}
        yield {"tool_calls": [begun]}
        for piece in (arguments[:6], arguments[6:]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def whole(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.whole({"object": "list", "data": [{"id": "backend", "object": "model", "created": 0, "owned_by": "tests"}]})

    def body(self):
        if "Content-Length" in self.headers:
            return self.rfile.read(int(self.headers["Content-Length"]))
        body = b""
        while length := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(length)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def do_POST(self):
        request = json.loads(self.body())
        if not self.path.endswith("/chat/completions"):
            return self.send_error(404)
        common = {"id": f"chatcmpl_{next(NUMBERS)}", "created": 0, "model": request["model"]}
        message, reason = answer(request)
        if not request.get("stream"):
            choice = {"index": 0, "message": message, "finish_reason": reason}
            return self.whole({**common, "object": "chat.completion", "choices": [choice], "usage": USAGE})
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        common["object"] = "chat.completion.chunk"
        for delta in chunks(message):
            self.event({**common, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        self.event({**common, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        self.event({**common, "choices": [], "usage": USAGE})
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def event(self, value):
        self.wfile.write(f"data: {json.dumps(value)}\n\n".encode())


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
