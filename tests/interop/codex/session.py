"""Drives the app server of the Codex CLI through a session of five turns (session.toml): session.py CODEX."""

import json
import queue
import subprocess
import sys
import threading


class AppServer:
    """A process of the app server: JSON-RPC in lines, on its standard input and output."""

    def __init__(self, codex):
        self.process = subprocess.Popen([codex, "app-server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.messages = queue.Queue()
        self.last_id = 0
        threading.Thread(target=self.read, daemon=True).start()
        self.call("initialize", clientInfo={"name": "turnwire", "version": "1.0"})
        self.send({"method": "initialized"})

    def read(self):
        for line in self.process.stdout:
            self.messages.put(json.loads(line))

    def send(self, message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def call(self, method, **params):
        self.last_id += 1
        self.send({"id": self.last_id, "method": method, "params": params})
        answer = self.wait(lambda message: message.get("id") == self.last_id and "method" not in message)
        assert "result" in answer, f"{method}: {answer}"
        return answer["result"]

    def wait(self, fits):
        while True:
            message = self.messages.get(timeout=30)
            if fits(message):
                return message

    def notified(self, method):
        return self.wait(lambda message: message.get("method") == method)["params"]

    def begin(self, thread, text):
        return self.call("turn/start", threadId=thread, input=[{"type": "text", "text": text}])["turn"]["id"]

    def end(self):
        return self.notified("turn/completed")["turn"]["status"]

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=20)


codex = sys.argv[1]
server = AppServer(codex)
thread = server.call("thread/start")["thread"]["id"]
server.begin(thread, "Say hi")
statuses = [server.end()]

turn = server.begin(thread, "Count")
server.notified("item/agentMessage/delta")
server.call("turn/steer", threadId=thread, expectedTurnId=turn, input=[{"type": "text", "text": "Go on"}])
statuses.append(server.end())

turn = server.begin(thread, "Count again")
server.notified("item/agentMessage/delta")
server.call("turn/interrupt", threadId=thread, turnId=turn)
statuses.append(server.end())

server.begin(thread, "Another turn")
statuses.append(server.end())
server.stop()

server = AppServer(codex)
server.call("thread/resume", threadId=thread)
server.begin(thread, "Resumed")
statuses.append(server.end())
server.stop()
print(" ".join(statuses))
