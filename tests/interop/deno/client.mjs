// A conversation of turnwire-web under Deno: `client.mjs FOLDER BASE-URL TRANSPORT`. FOLDER has the demo's module. It prints a line of JSON.
const [folder, url, transport] = Deno.args;
const { default: init, Chat } = await import(`file://${folder}/turnwire_web_demo.js`);
await init({ module_or_path: await Deno.readFile(`${folder}/turnwire_web_demo_bg.wasm`) });

const chat = new Chat(url, transport, "key", `deno-${transport}`);
const tools = [];
let pieces = 0;
const tool = async (name, input) => (tools.push(`${name} ${input}`), "wet");
const first = await chat.ask("What is the weather in Bergen?", () => pieces++, tool);
const token = chat.turnToken();
const second = await chat.ask("hello", () => pieces++, tool);
await chat.close();
console.log(JSON.stringify({ first, second, token, tools, streamed: pieces > 4 }));
