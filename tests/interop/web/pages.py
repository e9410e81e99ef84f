"""Serves a folder on a free loopback port and prints the port. What pages post to /report is printed, one line each; a post to
/done ends the server."""

import functools
import http.server
import sys
import threading


class Handler(http.server.SimpleHTTPRequestHandler):
    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".wasm": "application/wasm", ".js": "text/javascript"}

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/report":
            print("report", body.decode(), flush=True)
        self.send_response(204)
        self.end_headers()
        if self.path == "/done":
            print("done", flush=True)
            threading.Thread(target=self.server.shutdown).start()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=sys.argv[1]))
print("listening", server.server_address[1], flush=True)
server.serve_forever()
