"""Reads the requests of a recording (docs/recordings.md) without what differs between runs, and without the texts of the client.

    requests.py FOLDER      prints the requests of a recording as JSON
    requests.py FOLDER FILE KEY
                            compares them with those of a file under a key, and prints what differs
"""

import json
import os
import re
import sys

# The client's texts are not kept: its instructions are not ours to publish. These are the user's and the model's.
OWN = {"Say hi", "Count", "Go on", "Count again", "Another turn", "Resumed", "The tool said hi.", "It goes on.", "It is another turn."}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
NOW = 1700000000000
VARYING = {"host": "host", "sec-websocket-key": "key", "content-length": "length"}


class Requests:
    def __init__(self):
        self.ids = {}

    def id(self, found):
        """A number for each id, in the order of their appearance."""
        return self.ids.setdefault(found[0], f"<id-{len(self.ids) + 1}>")

    def text(self, text):
        return UUID.sub(self.id, text)

    def value(self, value):
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(each) for each in value]
        if isinstance(value, dict):
            return {name: self.value(each) for name, each in value.items()}
        return value

    def turn_metadata(self, text):
        metadata = self.value(json.loads(text))
        if "turn_started_at_unix_ms" in metadata:
            metadata["turn_started_at_unix_ms"] = NOW
        return metadata

    def header(self, name, value):
        if name == "x-codex-turn-metadata":
            return self.turn_metadata(value)
        if name == "user-agent":
            value = re.sub(r"\([^()]*\) \S+", "(os) terminal", value, count=1)
        return VARYING.get(name) or self.text(value)

    def client_metadata(self, metadata):
        kept = {}
        for name in sorted(metadata):
            value = metadata[name]
            if name == "x-codex-turn-metadata":
                kept[name] = self.turn_metadata(value)
            elif name == "x-codex-ws-stream-request-start-ms":
                assert re.fullmatch(r"\d{13}", value), value
                kept[name] = str(NOW)
            else:
                kept[name] = self.text(value)
        return kept

    def item(self, item):
        kept = self.value({name: value for name, value in item.items() if name not in ("content", "tools", "output")})
        if "content" in item:
            kept["content"] = []
            for part in item["content"]:
                text = part.get("text")
                part = dict(part, text=text if text in OWN else "text")
                # The number of texts depends on the machine.
                if part["text"] in OWN or part not in kept["content"]:
                    kept["content"].append(part)
        if "tools" in item:
            kept["tools"] = tools(item["tools"])
        if "output" in item:
            kept["output"] = "text"
        return kept

    def body(self, body):
        kept = {}
        # Ids are numbered in the order of the members.
        for name, value in body.items():
            if name == "client_metadata":
                kept[name] = self.client_metadata(value)
            elif name == "input":
                kept[name] = [self.item(item) for item in value]
            elif name == "tools":
                kept[name] = tools(value)
            elif name == "instructions":
                kept[name] = "text"
            else:
                kept[name] = self.value(value)
        return kept

    def read(self, line):
        if line["type"] == "message":
            return {"message": self.value(line["data"])}
        headers = {name.lower(): self.header(name.lower(), value) for name, value in line["headers"]}
        assert len(headers) == len(line["headers"]), "a header is sent twice"
        request = {key: line[key] for key in ("transport", "connection", "method", "target")}
        return request | {"headers": dict(sorted(headers.items())), "body": self.body(line["body"])}


def tools(given):
    """The kinds of the tools: a tool of each shape, without its texts."""
    kept = []
    for tool in given:
        shape = {name: value if name == "type" or isinstance(value, bool) else shape_of(name, value) for name, value in tool.items()}
        if shape not in kept:
            kept.append(shape)
    return kept


def shape_of(name, value):
    if name == "tools":
        return tools(value)
    if name == "format":
        return dict(value, definition="text")
    return {} if isinstance(value, dict) else "text"


def recorded(folder):
    requests = Requests()
    kept = []
    for name in sorted(os.listdir(folder)):
        if name.endswith(".jsonl"):
            with open(os.path.join(folder, name), encoding="utf-8") as lines:
                exchange = [json.loads(line) for line in lines]
            kept += [requests.read(line) for line in exchange if line["type"] in ("request", "message")]
    return kept


def differences(path, expected, got):
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in sorted(expected.keys() | got.keys()):
            yield from differences(f"{path}.{name}", expected.get(name), got.get(name))
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        for at, (left, right) in enumerate(zip(expected, got)):
            yield from differences(f"{path}[{at}]", left, right)
    elif expected != got:
        yield f"{path}: {json.dumps(got)[:200]} instead of {json.dumps(expected)[:200]}"


if __name__ == "__main__":
    requests = recorded(sys.argv[1])
    if len(sys.argv) == 2:
        print(json.dumps(requests, indent=1))
        sys.exit()
    with open(sys.argv[2], encoding="utf-8") as file:
        expected = json.load(file)[sys.argv[3]]
    found = list(differences(sys.argv[3], expected, requests))
    print("\n".join(found[:20]))
    sys.exit(bool(found))
