"""A proxy that records WebSocket frames: `wire.py UPSTREAM-PORT LOG`. It prints `listening PORT`.

For each connection that was upgraded, it appends a line of JSON to LOG when the connection ends: the extensions of the response's
head, and how many data messages each side sent, and how many of them compressed (the first reserved bit, RFC 7692 §6).
"""

import json
import socket
import sys
import threading


class Side:
    """What one side sends: a head, and after an upgrade frames."""

    def __init__(self):
        self.buffer = b""
        self.head = None
        self.messages = self.compressed = 0

    def feed(self, data, upgraded):
        self.buffer += data
        if self.head is None:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            self.head, self.buffer = self.buffer[:end].decode("latin-1"), self.buffer[end + 4 :]
        while upgraded() and self.frame():
            pass

    def frame(self):
        """Takes one whole frame off the buffer."""
        data = self.buffer
        if len(data) < 2:
            return False
        length, start = data[1] & 127, 2
        if length >= 126:
            start += 2 if length == 126 else 8
            length = int.from_bytes(data[2:start], "big") if len(data) >= start else sys.maxsize
        start += 4 if data[1] & 128 else 0
        if len(data) < start + length:
            return False
        if data[0] & 15 in (1, 2):
            self.messages += 1
            self.compressed += bool(data[0] & 64)
        self.buffer = data[start + length :]
        return True


def extensions(head):
    lines = [line.partition(":") for line in head.split("\r\n")]
    return ", ".join(value.strip() for name, _, value in lines if name.lower() == "sec-websocket-extensions")


def carry(client, port, log):
    server = socket.create_connection(("127.0.0.1", port))
    sides = {client: Side(), server: Side()}
    upgraded = lambda: (sides[server].head or "").startswith("HTTP/1.1 101")

    def pump(source, target):
        try:
            while data := source.recv(65536):
                sides[source].feed(data, upgraded)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            for each in (source, target):
                each.close()

    threads = [threading.Thread(target=pump, args=pair, daemon=True) for pair in ((client, server), (server, client))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if upgraded():
        counts = {name: [side.messages, side.compressed] for name, side in (("client", sides[client]), ("server", sides[server]))}
        with open(log, "a") as file:
            file.write(json.dumps({"extensions": extensions(sides[server].head), **counts}) + "\n")


listener = socket.create_server(("127.0.0.1", 0))
print("listening", listener.getsockname()[1], flush=True)
while True:
    accepted, _ = listener.accept()
    threading.Thread(target=carry, args=(accepted, int(sys.argv[1]), sys.argv[2]), daemon=True).start()
