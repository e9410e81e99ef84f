"""Compares what the page reported, and what the server saw, with what is expected. Prints a line for each check."""

import json
import sys

reports, seen = {}, []
for line in open(sys.argv[1]):
    if line.startswith("report "):
        report = json.loads(line.removeprefix("report "))
        reports[report.pop("name")] = report
for line in open(sys.argv[2]):
    if line.startswith("{"):
        seen.append(json.loads(line))
failed = False


def check(name, right, shown):
    global failed
    failed |= not right
    print(f"{'ok' if right else 'FAILED'}: {name}" + ("" if right else f"\n    {shown}"))


def report(name, expected):
    found = reports.get(name, {"error": "no report"})
    right = all(test(found.get(key)) if callable(test) else found.get(key) == test for key, test in expected.items())
    check(name, right and "error" not in found, found)


for transport, name in (("websocket", "websocket"), ("http", "fetch")):
    report(f"{name}: a client's two turns with a tool", {
        "first": "The tool says wet.",
        "second": "Good morning from the script.",
        "token": "ts-first",
        "tools": ['weather {"city":"Bergen"}'],
        "pieces": lambda pieces: pieces > 4,
    })
    of_client = [line for line in seen if (line["body"] or {}).get("model") == f"client-{transport}"]
    carried = [(line["transport"], line["turn_state"]) for line in of_client]
    kind = "websocket" if transport == "websocket" else "sse"
    expected = [(kind, None), (kind, "ts-first"), (kind, None)]
    check(f"{name}: the server saw the turn token in the second request of the first turn only", carried == expected, carried)
    chained = ["previous_response_id" in line["body"] for line in of_client]
    check(f"{name}: requests are incremental on a WebSocket only", chained == [False] + [transport == "websocket"] * 2, chained)

report("fetch: a body as it comes", {
    "status": 200, "pieces": lambda pieces: pieces > 3, "spread": lambda spread: spread > 200,
    "type": lambda kind: kind.startswith("text/event-stream"),
})
report("fetch: events of a stream", {"count": lambda count: count > 8, "last": ["response.completed"] * 2, "same": True})
report("fetch: the turn token in a header", {"token": "ts-first", "hidden": None})
page = [line["turn_state"] for line in seen if (line["body"] or {}).get("model") == "gpt-x" and line["transport"] == "sse"]
check("fetch: the server saw the turn token that the page sent", page == ["from-the-page"] * 3, page)
report("websocket: a subprotocol beside a key", {"code": 1000, "protocol": "realtime", "last": "response.completed"})
report("websocket: no subprotocol", {"code": 1000, "protocol": "", "last": "response.completed"})

for name in ("forbidden: fetch", "forbidden: the client"):
    found = reports.get(name, {})
    check(name, "fetch" in found.get("error", ""), found)
report("forbidden: websocket", {"code": 1006, "count": 0})
refused = [line for line in open(sys.argv[3]) if line.startswith("{")]
check("forbidden: the server saw no request for a response", not refused, refused)
sys.exit(failed)
