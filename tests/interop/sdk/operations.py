"""The official Python SDK against `turnwire serve`: operations on stored responses, background responses, and commands about a response."""

import sys

import openai

ENDS = ("response.completed", "response.failed", "response.incomplete", "response.cancelled", "error")
GREETING = "Good morning, whoever wrote you."
client = openai.OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0)


def check(name, got, expected):
    assert got == expected, f"{name}: {got!r}, expected {expected!r}"
    print(f"ok: python: {name}")


def failure(call):
    try:
        call()
    except openai.APIStatusError as error:
        return error.status_code, error.code
    raise AssertionError("it did not fail")


response = client.responses.create(model="scripted", input="greet")
again = client.responses.retrieve(response.id)
check("retrieve", (again.id, again.output_text, again.status), (response.id, GREETING, "completed"))
items = client.responses.input_items.list(response.id).data
check("input items", [(item.role, item.content[0].text) for item in items], [("user", "greet")])
many = [{"role": "user", "content": f"greet {number}"} for number in range(5)]
listed = client.responses.create(model="scripted", input=many)
pages = client.responses.input_items.list(listed.id, limit=2, order="asc")
check("input items, pages", [item.content[0].text for item in pages], [f"greet {number}" for number in range(5)])
check("delete", client.responses.delete(response.id), None)
check("retrieve what is deleted", failure(lambda: client.responses.retrieve(response.id)), (404, "response_not_found"))
count = client.responses.input_tokens.count(model="scripted", input="greet" * 40)
check("input tokens", (count.object, count.input_tokens), ("response.input_tokens", 51))
compacted = client.responses.compact(model="scripted", input="greet")
check("compact", (compacted.object, compacted.output[-1].type), ("response.compaction", "compaction"))

# A background response outlives its stream, and is resumed behind the last event that was seen.
seen = []
with client.responses.create(model="scripted", input="in the background", background=True, stream=True) as stream:
    for event in stream:
        seen.append(event)
        if event.type == "response.output_text.delta":
            break
background = seen[0].response.id
seen += client.responses.retrieve(background, stream=True, starting_after=seen[-1].sequence_number)
check("background, resumed", [event.sequence_number for event in seen], list(range(len(seen))))
text = "".join(event.delta for event in seen if event.type == "response.output_text.delta")
check("background, text", (text, seen[-1].type), ("One two three four five six.", "response.completed"))
check("background, retrieve", client.responses.retrieve(background).status, "completed")
running = client.responses.create(model="scripted", input="in the background", background=True)
check("background, queued", running.status in ("queued", "in_progress"), True)
check("cancel", client.responses.cancel(running.id).status, "cancelled")
check("retrieve what is cancelled", client.responses.retrieve(running.id).status, "cancelled")

with client.responses.connect() as connection:

    def steered(prompt, ends, stream_id=None):
        """Steers a response at its first delta, and returns the types and texts of the events that follow, until a number of ends."""
        lane = {"stream_id": stream_id} if stream_id else {}
        connection.response.create(model="scripted", input=prompt, **lane)
        events, created, steering = [], [], False
        for event in connection:
            assert getattr(event, "stream_id", None) == stream_id, event
            events.append(event)
            if event.type == "response.created":
                created.append(event.response.id)
            if event.type == "response.output_text.delta" and not steering:
                steering = True
                connection.response.steer(input="another way", previous_response_id=created[0])
            if event.type in ends and steering:
                ends = ends[1:]
                if not ends:
                    break
        numbers = [event.sequence_number for event in events if event.type != "response.created"]
        texts = [event.response.output_text for event in events if event.type in ENDS]
        return [event.type for event in events if "steer" in event.type], created, texts, numbers

    for lane in (None, "side"):
        steers, created, texts, _ = steered("stop at once", ["response.incomplete", "response.completed"], lane)
        check("steer, stopped at once", (steers, len(created), texts[-1]), (["response.steer.accepted"], 2, "Another way."))
        steers, created, texts, _ = steered("complete first", ["response.completed", "response.completed"], lane)
        check("steer, after completion", (steers, texts), (["response.steer.accepted"], ["One two three.", "Another way."]))
        steers, created, texts, numbers = steered("call first", ["response.completed", "response.steer.pending"], lane)
        check("steer, pending", (steers, len(created)), (["response.steer.accepted", "response.steer.pending"], 1))
        check("steer, numbers", numbers, list(range(1, len(numbers) + 1)))
        steers, created, texts, numbers = steered("never", ["response.steer.failed", "response.completed"], lane)
        check("steer, failed", (steers, texts), (["response.steer.failed"], ["One two three."]))
        check("steer, numbers after a failure", numbers, list(range(1, len(numbers) + 1)))

    connection.response.steer(input="another way", previous_response_id="resp_unknown")
    event = next(iter(connection))
    check("steer, unknown response", (event.type, event.error.code), ("response.steer.failed", "response_not_found"))

    def interrupted(prompt):
        connection.response.create(model="scripted", input=prompt)
        events, response_id = [], None
        for event in connection:
            events.append(event)
            if event.type == "response.created":
                response_id = event.response.id
            if event.type == "response.output_text.delta" and len([each for each in events if each.type == event.type]) == 1:
                connection.send({"type": "response.interrupt", "response_id": response_id, "mode": "discard_partial_items"})
            if event.type in ENDS:
                break
        return [event.type for event in events if "interrupt" in event.type], events[-1].response

    kinds, last = interrupted("stop at once")
    check("interrupt", kinds, ["response.interrupt.accepted", "response.output_item.interrupted"])
    check("interrupt, end", (last.status, last.incomplete_details.reason, last.usage.input_tokens), ("incomplete", "interrupted", 6))
    connection.response.create(model="scripted", input="greet", previous_response_id=last.id)
    event = next(event for event in connection if event.type in ENDS)
    check("interrupt, goes on", (event.type, event.response.output_text), ("response.completed", GREETING))
    kinds, last = interrupted("never")
    check("interrupt, failed", (kinds, last.output_text), (["response.interrupt.failed"], "One two three."))
