// The official Node SDK against `turnwire serve`: operations on stored responses, background responses, and commands about a response.

import assert from "node:assert";
import { createRequire } from "node:module";

// The packages are in a folder of their own.
const require = createRequire(`${process.env.PACKAGES}/`);
const OpenAI = require("openai").default;
const { ResponsesWS } = require("openai/resources/responses/ws");

const GREETING = "Good morning, whoever wrote you.";
const ENDS = ["response.completed", "response.failed", "response.incomplete", "response.cancelled", "error"];
const client = new OpenAI({ baseURL: process.argv[2], apiKey: "none", maxRetries: 0 });
const { responses } = client;

function check(name, got, expected) {
    assert.deepStrictEqual(got, expected, name);
    console.log(`ok: node: ${name}`);
}

const response = await responses.create({ model: "scripted", input: "greet" });
const again = await responses.retrieve(response.id);
check("retrieve", [again.id, again.output_text, again.status], [response.id, GREETING, "completed"]);
const many = [0, 1, 2, 3, 4].map((number) => ({ role: "user", content: `greet ${number}` }));
const listed = await responses.create({ model: "scripted", input: many });
const texts = [];
for await (const item of responses.inputItems.list(listed.id, { limit: 2, order: "asc" })) texts.push(item.content[0].text);
check("input items, pages", texts, many.map((item) => item.content));
await responses.delete(response.id);
const gone = await responses.retrieve(response.id).catch((error) => error);
check("retrieve what is deleted", [gone.status, gone.code], [404, "response_not_found"]);
const count = await responses.inputTokens.count({ model: "scripted", input: "greet".repeat(40) });
check("input tokens", [count.object, count.input_tokens], ["response.input_tokens", 51]);
const compacted = await responses.compact({ model: "scripted", input: "greet" });
check("compact", [compacted.object, compacted.output.at(-1).type], ["response.compaction", "compaction"]);

// A background response outlives its stream, and is resumed behind the last event that was seen.
const seen = [];
const begun = await responses.create({ model: "scripted", input: "in the background", background: true, stream: true });
for await (const event of begun) {
    seen.push(event);
    if (event.type === "response.output_text.delta") break;
}
const background = seen[0].response.id;
const rest = await responses.retrieve(background, { stream: true, starting_after: seen.at(-1).sequence_number });
for await (const event of rest) seen.push(event);
check("background, resumed", seen.map((event) => event.sequence_number), [...seen.keys()]);
const deltas = seen.filter((event) => event.type === "response.output_text.delta").map((event) => event.delta);
check("background, text", [deltas.join(""), seen.at(-1).type], ["One two three four five six.", "response.completed"]);
const running = await responses.create({ model: "scripted", input: "in the background", background: true });
check("cancel", (await responses.cancel(running.id)).status, "cancelled");
check("retrieve what is cancelled", (await responses.retrieve(running.id)).status, "cancelled");

const socket = new ResponsesWS(client);
// Sends a request and, at the first delta, a command about its response. Returns the events until a number of ends.
const commanded = (input, command, ends, lane) =>
    new Promise((done, fail) => {
        const [events, left] = [[], [...ends]];
        let id;
        const listen = (event) => {
            events.push(event);
            if (event.type === "response.created") id ??= event.response.id;
            const deltas = events.filter((each) => each.type === "response.output_text.delta");
            if (event.type === "response.output_text.delta" && deltas.length === 1) socket.send(command(id));
            if (event.type === left[0]) left.shift();
            if (left.length) return;
            socket.off("event", listen);
            done(events);
        };
        socket.on("event", listen);
        socket.on("error", fail);
        socket.send({ type: "response.create", model: "scripted", input, ...(lane && { stream_id: lane }) });
    });
const steer = (id) => ({ type: "response.steer", previous_response_id: id, input: "another way" });
const kinds = (events, part) => events.map((event) => event.type).filter((kind) => kind.includes(part));
const answers = (events) =>
    events.filter((event) => ENDS.includes(event.type)).map((event) => event.response.output.at(-1)?.content?.[0].text);
for (const lane of [undefined, "side"]) {
    let events = await commanded("stop at once", steer, ["response.incomplete", "response.completed"], lane);
    check("steer, stopped at once", [kinds(events, "steer"), answers(events).at(-1)], [["response.steer.accepted"], "Another way."]);
    check("steer, lane", events.every((event) => event.stream_id === lane), true);
    events = await commanded("complete first", steer, ["response.completed", "response.completed"], lane);
    check("steer, after completion", [kinds(events, "steer"), answers(events)], [["response.steer.accepted"], ["One two three.", "Another way."]]);
    events = await commanded("call first", steer, ["response.completed", "response.steer.pending"], lane);
    check("steer, pending", events.at(-1).required_input.map((stub) => stub.type), ["function_call_output"]);
    events = await commanded("never", steer, ["response.steer.failed", "response.completed"], lane);
    check("steer, failed", [kinds(events, "steer"), answers(events)], [["response.steer.failed"], ["One two three."]]);
}
const interrupt = (id) => ({ type: "response.interrupt", response_id: id, mode: "discard_partial_items" });
const events = await commanded("stop at once", interrupt, ["response.incomplete"]);
const last = events.at(-1).response;
check("interrupt", kinds(events, "interrupt"), ["response.interrupt.accepted", "response.output_item.interrupted"]);
check("interrupt, end", [last.incomplete_details.reason, last.usage.input_tokens], ["interrupted", 6]);
const on = await new Promise((done) => {
    socket.on("event", (event) => ENDS.includes(event.type) && done(event));
    socket.send({ type: "response.create", model: "scripted", input: "greet", previous_response_id: last.id });
});
check("interrupt, goes on", on.response.output[0].content[0].text, GREETING);
socket.close();
