"""The official Python SDK's own decoding of event streams, on the workload: `sdk.py FOLDER ROUNDS NANOSECONDS`.

The folder is what `turnwire-peers dump` writes; the nanoseconds are turnwire's time per event, for the last column.
"""

import json
import pathlib
import statistics
import sys
import time

import httpx2
import openai

READ = 16 * 1024
folder, rounds, turnwire = pathlib.Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
expected = json.loads((folder / "expected.json").read_text())
bodies = [(folder / f"{number}.sse").read_bytes() for number in range(expected.pop("bodies"))]


class Reads(httpx2.SyncByteStream):
    """A body in reads of 16 KiB."""

    def __init__(self, body):
        self.body = body

    def __iter__(self):
        for start in range(0, len(self.body), READ):
            yield self.body[start : start + READ]


def one_pass():
    seen = {"events": 0, "text_deltas": 0, "text": 0, "completed": 0}
    rest = iter(bodies)
    headers = {"content-type": "text/event-stream"}
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, headers=headers, stream=Reads(next(rest))))
    client = openai.OpenAI(api_key="none", max_retries=0, http_client=httpx2.Client(transport=transport))
    for _ in bodies:
        for event in client.responses.create(model="gpt-x", input="ping", stream=True):
            seen["events"] += 1
            if event.type == "response.output_text.delta":
                seen["text_deltas"] += 1
                seen["text"] += len(event.delta.encode())
            elif event.type == "response.completed":
                seen["completed"] += 1
    assert seen == expected, f"{seen}, expected {expected}"


times = []
for number in range(rounds + 1):
    start = time.process_time_ns()
    one_pass()
    # The first round is a warm-up.
    if number:
        times.append(time.process_time_ns() - start)
nanos = statistics.median(times) / expected["events"]
speed = sum(map(len, bodies)) * 1e3 / statistics.median(times)
name = f"openai-python {openai.__version__}"
print(f"| {name} | {nanos:.1f} | {speed:.1f} | {nanos / turnwire:.1f} |")
