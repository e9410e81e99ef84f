// The official Node SDK against `turnwire serve`: streams, the stream helper, and one WebSocket.

import assert from "node:assert";
import { createRequire } from "node:module";

// The packages are in a folder of their own.
const require = createRequire(`${process.env.PACKAGES}/`);
const OpenAI = require("openai").default;
const { ResponsesWS } = require("openai/resources/responses/ws");

const GREETING = "Good morning, whoever wrote you.";
const client = new OpenAI({ baseURL: process.argv[2], apiKey: "none", maxRetries: 0 });

function check(name, got, expected) {
    assert.deepStrictEqual(got, expected, name);
    console.log(`ok: node: ${name}`);
}

let text = "";
for await (const event of await client.responses.create({ model: "scripted", input: "greet", stream: true })) {
    if (event.type === "response.output_text.delta") text += event.delta;
}
check("stream", text, GREETING);
const helper = async (input) => client.responses.stream({ model: "scripted", input }).finalResponse();
check("helper", (await helper("greet")).output_text, GREETING);
const [call] = (await helper("rain")).output;
check("helper, call", [call.type, call.name, call.arguments], ["function_call", "weather", '{"city":"Bergen"}']);
const refused = await client.responses.create({ model: "scripted", input: "hurry", stream: true }).catch((error) => error);
check("refusal", [refused.status, refused.code], [429, "rate_limit_exceeded"]);

const socket = new ResponsesWS(client);
const closed = new Promise((done) => socket.on("close", (code) => done(code)));
const ends = (request) =>
    new Promise((done, fail) => {
        const listen = (event) => {
            if (event.type !== "response.completed") return;
            socket.off("event", listen);
            done(event.response);
        };
        socket.on("event", listen);
        socket.on("error", fail);
        socket.send({ type: "response.create", model: "scripted", ...request });
    });
check("websocket", (await ends({ input: "greet" })).output[0].content[0].text, GREETING);
const { id, output } = await ends({ input: "rain" });
const wet = { type: "function_call_output", call_id: output[0].call_id, output: "wet" };
const then = await ends({ previous_response_id: id, input: [wet] });
check("websocket, goes on", then.output[0].content[0].text, "Then take an umbrella.");
socket.close();
check("websocket, close", await closed, 1000);
