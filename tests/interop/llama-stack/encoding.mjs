// Writes the encoding cl100k_base as tiktoken keeps it in its cache: `encoding.mjs FOLDER`. Llama Stack does not start without it,
// and would load it from a host that may not be reachable.
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const ranks = createRequire(process.env.PACKAGES + "/")("js-tiktoken/ranks/cl100k_base");
const { bpe_ranks: lines } = ranks.default ?? ranks;
let out = "";
for (const line of lines.split("\n").filter(Boolean)) {
    const [, offset, ...tokens] = line.split(" ");
    out += tokens.map((token, at) => `${token} ${Number(offset) + at}\n`).join("");
}
const url = "https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken";
writeFileSync(join(process.argv[2], createHash("sha1").update(url).digest("hex")), out);
