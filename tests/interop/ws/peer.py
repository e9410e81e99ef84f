"""PyPI's websockets as a peer: `peer.py server [deflate]` echoes, `peer.py client URL [deflate]` checks echoes.

The server says `listening ADDRESS`. At /frag it answers in three fragments, at /ping it begins with a ping, at /close?code=N it
closes with that code after one echo.
"""

import asyncio
import sys
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

role, *rest = sys.argv[1:]
SETTINGS = {"compression": "deflate" if "deflate" in rest else None, "max_size": 64 * 1024 * 1024}


async def echo(socket):
    target = urlsplit(socket.request.path)
    if target.path == "/ping":
        await (await socket.ping(b"hello"))
    async for message in socket:
        third = max(1, -(-len(message) // 3))
        if target.path == "/frag":
            await socket.send([message[:third], message[third : 2 * third], message[2 * third :]])
        else:
            await socket.send(message)
        if target.path == "/close":
            await socket.close(int(parse_qs(target.query)["code"][0]), "asked")
            return


async def listen():
    async with serve(echo, "127.0.0.1", 0, **SETTINGS) as server:
        print("listening 127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


async def check(url):
    text = "grüße \U0001f414 " * 30000
    data = bytes([0, 1, 254, 255]) * 17500
    messages = ["a", "", text, data, b"", "x" * 126, [text[at : at + 50000] for at in range(0, len(text), 50000)], "last"]
    async with connect(url, **SETTINGS) as socket:
        agreed = socket.response.headers.get("Sec-WebSocket-Extensions", "")
        assert ("permessage-deflate" in agreed) == ("deflate" in rest), agreed
        for message in messages:
            await socket.send(message)
            whole = "".join(message) if isinstance(message, list) else message
            assert await socket.recv() == whole, "an echo differs"
            await (await socket.ping(b"between"))
    assert socket.close_code == 1000, socket.close_code
    print(f"{len(messages)} echoes, close {socket.close_code}")


asyncio.run(listen() if role == "server" else check(rest[0]))
