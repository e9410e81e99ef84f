"""wsproto as a client of `turnwire serve`: `wsproto_client.py PORT [--deflate]` holds a tool turn, and prints its text."""

import json
import socket
import sys

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Ping, Request, TextMessage
from wsproto.extensions import PerMessageDeflate

port, *rest = sys.argv[1:]
stream = socket.create_connection(("127.0.0.1", int(port)))
stream.settimeout(20)
connection = WSConnection(ConnectionType.CLIENT)


def send(event):
    stream.sendall(connection.send(event))


def messages():
    """The messages that arrive, whole. Ends with the connection."""
    text = ""
    while True:
        connection.receive_data(stream.recv(4096) or None)
        for event in connection.events():
            if isinstance(event, Ping):
                send(event.response())
            elif isinstance(event, TextMessage):
                text += event.data
                if event.message_finished:
                    yield json.loads(text)
                    text = ""
            elif isinstance(event, CloseConnection):
                return
            else:
                assert isinstance(event, AcceptConnection), event


extensions = [PerMessageDeflate()] if "--deflate" in rest else []
send(Request(host="127.0.0.1", target="/v1/responses", extensions=extensions))
incoming = messages()


def ask(**request):
    send(TextMessage(json.dumps({"type": "response.create", "model": "scripted", "stream_id": "a", **request})))
    for event in incoming:
        assert event["stream_id"] == "a", event
        if event["type"] == "response.completed":
            return event["response"]


# wsproto refuses to send before it has read the response of the handshake.
while connection.state.name == "CONNECTING":
    connection.receive_data(stream.recv(4096))
    assert all(isinstance(event, AcceptConnection) for event in connection.events())
first = ask(input="What is the weather in Bergen?")
(call,) = first["output"]
output = {"type": "function_call_output", "call_id": call["call_id"], "output": "wet"}
second = ask(previous_response_id=first["id"], input=[output])
send(CloseConnection(code=1000))
assert not list(incoming)
print(second["output"][0]["content"][0]["text"])
