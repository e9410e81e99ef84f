// npm's ws as a peer: `peer.mjs server [deflate]` echoes, `peer.mjs client URL [deflate]` checks echoes.
//
// The server says `listening ADDRESS`. At /frag it answers in three fragments with a ping between them, at /ping it begins with a
// ping, at /close?code=N it closes with that code after one echo.
import { createRequire } from "node:module";

const { WebSocket, WebSocketServer } = createRequire(process.cwd() + "/")("ws");
const [role, ...rest] = process.argv.slice(2);
const compress = rest.includes("deflate") ? { threshold: 0 } : false;
const largest = 64 * 1024 * 1024;

function serve() {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: compress, maxPayload: largest });
  server.on("listening", () => console.log(`listening 127.0.0.1:${server.address().port}`));
  server.on("connection", (socket, request) => {
    const { pathname, searchParams } = new URL(request.url, "ws://localhost");
    if (pathname === "/ping") socket.ping("hello");
    socket.on("message", (data, binary) => {
      if (pathname === "/frag") {
        const third = Math.ceil(data.length / 3);
        for (let part = 0; part < 3; part++) {
          socket.send(data.subarray(part * third, (part + 1) * third), { binary, fin: part === 2 });
          if (part === 0) socket.ping("between");
        }
      } else {
        socket.send(data, { binary });
      }
      if (pathname === "/close") socket.close(Number(searchParams.get("code")), "asked");
    });
    socket.on("error", (error) => console.error("server:", error.message));
  });
}

function check(url) {
  const text = "grüße \u{1f414} ".repeat(30000);
  const bytes = Buffer.alloc(70000, "\x00\x01\xfe\xff", "latin1");
  // The text or bytes, and in how many fragments.
  const messages = [["a", 1], ["", 1], [text, 1], [bytes, 1], [text, 7], [bytes, 3], ["x".repeat(126), 1], ["last", 1]];
  const socket = new WebSocket(url, { perMessageDeflate: compress, maxPayload: largest });
  let done = 0;
  const send = () => {
    if (done === messages.length) return socket.close(1000, "done");
    const [message, parts] = messages[done];
    const binary = typeof message !== "string";
    const data = Buffer.from(message);
    const size = Math.ceil(data.length / parts);
    for (let part = 0; part < parts; part++) {
      socket.send(data.subarray(part * size, (part + 1) * size), { binary, fin: part === parts - 1 });
      if (part < parts - 1) socket.ping(String(part));
    }
  };
  socket.on("open", () => {
    if (Boolean(compress) !== socket.extensions.includes("permessage-deflate")) throw new Error(`extensions: ${socket.extensions}`);
    send();
  });
  socket.on("message", (data, binary) => {
    const [message] = messages[done];
    if (binary !== (typeof message !== "string") || !Buffer.from(message).equals(data)) throw new Error(`echo ${done} differs`);
    done += 1;
    send();
  });
  socket.on("close", (code) => {
    console.log(`${done} echoes, close ${code}`);
    process.exitCode = done === messages.length && code === 1000 ? 0 : 1;
  });
}

role === "server" ? serve() : check(rest[0]);
