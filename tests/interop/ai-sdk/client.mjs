// A model with one tool: `client.mjs URL generate|stream`. Prints the final text.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.env.PACKAGES + "/");
const load = (name) => import(pathToFileURL(require.resolve(name)));
const [url, way] = process.argv.slice(2);
const { generateText, streamText, stepCountIs, tool } = await load("ai");
const { createOpenAI } = await load("@ai-sdk/openai");
const { z } = await load("zod");

const weather = tool({
    description: "The weather in a city.",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => {
        if (city !== "Bergen") throw new Error(city);
        return "wet";
    },
});
const model = createOpenAI({ baseURL: url, apiKey: "none" }).responses("scripted");
const request = { model, tools: { weather }, stopWhen: stepCountIs(3), prompt: "What is the weather in Bergen?", maxRetries: 0 };
if (way === "generate") {
    console.log((await generateText(request)).text);
} else {
    const result = streamText({ ...request, onError: ({ error }) => { throw error; } });
    let text = "";
    for await (const delta of result.textStream) text += delta;
    console.log(text);
    const { totalTokens } = await result.totalUsage;
    if (totalTokens !== 61) throw new Error(`${totalTokens} tokens`);
}
