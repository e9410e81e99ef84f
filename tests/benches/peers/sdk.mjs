// The official Node SDK's own decoding of event streams, on the workload: `sdk.mjs FOLDER ROUNDS NANOSECONDS`, with the folder of the
// packages in $PACKAGES. The folder is what `turnwire-peers dump` writes; the nanoseconds are turnwire's time per event, for the last
// column.

import assert from "node:assert";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(`${process.env.PACKAGES}/`);
const OpenAI = require("openai").default;
const { VERSION } = require("openai/version");

const READ = 16 * 1024;
const [folder, rounds, turnwire] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const { bodies: count, ...expected } = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8"));
const bodies = Array.from({ length: count }, (_, number) => readFileSync(join(folder, `${number}.sse`)));

// A body in reads of 16 KiB.
function* reads(body) {
    for (let start = 0; start < body.length; start += READ) yield new Uint8Array(body.subarray(start, start + READ));
}

async function onePass() {
    const seen = { events: 0, text_deltas: 0, text: 0, completed: 0 };
    const rest = bodies.values();
    const headers = { "content-type": "text/event-stream" };
    const fetch = async () => new Response(ReadableStream.from(reads(rest.next().value)), { headers });
    const client = new OpenAI({ apiKey: "none", maxRetries: 0, fetch });
    for (const _ of bodies) {
        for await (const event of await client.responses.create({ model: "gpt-x", input: "ping", stream: true })) {
            seen.events += 1;
            if (event.type === "response.output_text.delta") {
                seen.text_deltas += 1;
                seen.text += Buffer.byteLength(event.delta);
            } else if (event.type === "response.completed") {
                seen.completed += 1;
            }
        }
    }
    assert.deepStrictEqual(seen, expected);
}

const times = [];
for (let number = 0; number <= rounds; number += 1) {
    const start = process.cpuUsage();
    await onePass();
    const { user, system } = process.cpuUsage(start);
    // The first round is a warm-up.
    if (number > 0) times.push((user + system) * 1e3);
}
const median = times.sort((one, other) => one - other)[Math.floor(times.length / 2)];
const nanos = median / expected.events;
const bytes = bodies.reduce((sum, body) => sum + body.length, 0);
const speed = ((bytes * 1e3) / median).toFixed(1);
console.log(`| openai-node ${VERSION} | ${nanos.toFixed(1)} | ${speed} | ${(nanos / turnwire).toFixed(1)} |`);
