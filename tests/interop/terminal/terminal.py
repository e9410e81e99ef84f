"""A scripted user at a terminal: `terminal.py TURNWIRE URL TRANSPORT LOG`, where LOG is the output of `turnwire serve --json`."""

import json
import os
import pty
import re
import select
import sys
import time

turnwire, url, transport, log = sys.argv[1:]
ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[=>78]|\r")
PROMPT = b"> "


class Terminal:
    def __init__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", COLUMNS="100", NO_COLOR="1")
            options = ["--base-url", url, "--transport", transport, "--api-key-env", "NO_SUCH_KEY", "--model", "first-model"]
            os.execv(turnwire, [turnwire, "chat", *options])
        self.text = b""

    def expect(self, expected, seconds=20):
        """Reads until this is on the screen, and forgets what is before it."""
        end = time.monotonic() + seconds
        while expected not in self.text:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            assert ready, f"{expected!r} did not appear after {self.text[-500:]!r}"
            try:
                self.text = ESCAPES.sub(b"", self.text + os.read(self.fd, 4096))
            except OSError:
                raise AssertionError(f"the command ended before {expected!r}, after {self.text[-500:]!r}") from None
        self.text = self.text[self.text.index(expected) + len(expected) :]

    def type(self, keys):
        os.write(self.fd, keys)

    def ask(self, line, expected):
        self.type(line + b"\r")
        self.expect(expected)
        self.expect(PROMPT)

    def end(self):
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


GREETING = b"Good morning from the script."
terminal = Terminal()
terminal.expect(PROMPT)
terminal.ask(b"hello one", GREETING)
terminal.ask(b"/model", b"first-model")
terminal.ask(b"/model second-model", b"the model is second-model")

terminal.type(b"slow\r")
terminal.expect(b"one two")
begin = time.monotonic()
terminal.type(b"\x03")
terminal.expect(b"interrupted")
assert time.monotonic() - begin < 3, "the answer went on"
terminal.expect(PROMPT)
terminal.ask(b"hello two", GREETING)
terminal.ask(b"/compact", b"items became 1")
terminal.ask(b"hello three", GREETING)
terminal.ask(b"/new", b"a new conversation")
terminal.ask(b"hello fourX\x7f", GREETING)
# The arrow shows the last line again.
terminal.ask(b"\x1b[A, again", GREETING)
terminal.ask(b"/nothing", b"there is no command /nothing")
terminal.type(b"\x03")
terminal.expect(b"Ctrl-D ends the conversation")
terminal.expect(PROMPT)
terminal.type(b"/quit\r")
assert terminal.end() == 0, "the exit code"

requests = [json.loads(line)["body"] for line in open(log) if line.startswith("{")]
requests = [request for request in requests if request.get("generate", True)]


def said(item):
    content = item.get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


last = [said(request["input"][-1]) for request in requests]
assert last == ["hello one", "slow", "hello two", "hello three", "hello four", "hello four, again"], last
models = [request["model"] for request in requests]
assert models == ["first-model"] + 5 * ["second-model"], models
if transport == "sse":
    one, slow, two, three, four, again = (request["input"] for request in requests)
    assert [len(one), len(slow), len(four), len(again)] == [1, 3, 1, 3], requests
    assert said(two[0]) == "hello one" and any(said(item) == "slow" for item in two), "an interrupted turn is kept"
    assert three[0]["type"] == "compaction" and len(three) == 2, three
