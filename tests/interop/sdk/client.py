"""The official Python SDK against `turnwire serve`: streams, the stream helper, and one WebSocket with lanes."""

import sys

import openai

GREETING = "Good morning, whoever wrote you."
ENDS = ("response.completed", "response.failed", "response.incomplete", "error")
client = openai.OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0)


def check(name, got, expected):
    assert got == expected, f"{name}: {got!r}, expected {expected!r}"
    print(f"ok: python: {name}")


def helper(prompt):
    with client.responses.stream(model="scripted", input=prompt) as stream:
        for _ in stream:
            pass
        return stream.get_final_response()


events = list(client.responses.create(model="scripted", input="greet", stream=True))
check("stream", "".join(event.delta for event in events if event.type == "response.output_text.delta"), GREETING)
check("numbers", [event.sequence_number for event in events], list(range(len(events))))
response = client.responses.create(model="scripted", input="greet")
check("whole", (response.output_text, response.status), (GREETING, "completed"))
response = helper("greet")
check("helper", (response.output_text, response.status, response.usage.total_tokens), (GREETING, "completed", 8))
call = helper("rain").output[0]
check("helper, call", (call.type, call.name, call.arguments), ("function_call", "weather", '{"city":"Bergen"}'))
*_, last = client.responses.create(model="scripted", input="break", stream=True)
check("failure", (last.type, last.response.error.message), ("response.failed", "it broke"))
try:
    client.responses.create(model="scripted", input="hurry", stream=True)
    raise AssertionError("it was not refused")
except openai.RateLimitError as error:
    check("refusal", (error.status_code, error.code), (429, "rate_limit_exceeded"))

with client.responses.connect() as connection:

    def last_event(**request):
        connection.response.create(model="scripted", **request)
        return next(event for event in connection if event.type in ENDS)

    check("websocket", last_event(input="greet").response.output_text, GREETING)
    event = last_event(input="rain")
    output = {"type": "function_call_output", "call_id": event.response.output[0].call_id, "output": "wet"}
    event = last_event(previous_response_id=event.response.id, input=[output])
    check("websocket, goes on", event.response.output_text, "Then take an umbrella.")
    check("websocket, refusal", last_event(input="hurry").error.code, "rate_limit_exceeded")
    for lane in ("a", "b"):
        connection.response.create(model="scripted", input="greet", stream_id=lane)
    ends = []
    for event in connection:
        if event.type in ENDS:
            ends.append((event.stream_id, event.response.output_text))
        if len(ends) == 2:
            break
    check("websocket, lanes", sorted(ends), [("a", GREETING), ("b", GREETING)])
