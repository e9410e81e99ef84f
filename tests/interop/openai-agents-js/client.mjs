// An agent with one tool: `client.mjs URL run|stream`. Prints the final text.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.env.PACKAGES + "/");
const load = (name) => import(pathToFileURL(require.resolve(name)));
const [url, way] = process.argv.slice(2);
const { Agent, OpenAIProvider, Runner, setTracingDisabled, tool } = await load("@openai/agents");
const { z } = await load("zod");

setTracingDisabled(true);
const weather = tool({
    name: "weather",
    description: "The weather in a city.",
    parameters: z.object({ city: z.string() }),
    execute: async ({ city }) => {
        if (city !== "Bergen") throw new Error(city);
        return "wet";
    },
});
const agent = new Agent({ name: "Forecaster", instructions: "Answer.", model: "scripted", tools: [weather] });
const runner = new Runner({ modelProvider: new OpenAIProvider({ apiKey: "none", baseURL: url, useResponses: true }), tracingDisabled: true });
const result = await runner.run(agent, "What is the weather in Bergen?", { stream: way === "stream" });
if (way === "stream") {
    for await (const _ of result) continue;
    await result.completed;
}
console.log(result.finalOutput);
