// Writes an encoding in the form of tiktoken's files: `encoding.mjs FILE NAME`, or, with a folder in place of a file, under the name that
// tiktoken's cache gives it. Servers load their encodings from a host that may not be reachable.
import { createHash } from "node:crypto";
import { statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [, , target, name] = process.argv;
const ranks = createRequire(process.env.PACKAGES + "/")(`js-tiktoken/ranks/${name}`);
const { bpe_ranks: lines } = ranks.default ?? ranks;
let out = "";
for (const line of lines.split("\n").filter(Boolean)) {
    const [, offset, ...tokens] = line.split(" ");
    out += tokens.map((token, at) => `${token} ${Number(offset) + at}\n`).join("");
}
const url = `https://openaipublic.blob.core.windows.net/encodings/${name}.tiktoken`;
const isFolder = statSync(target, { throwIfNoEntry: false })?.isDirectory();
writeFileSync(isFolder ? join(target, createHash("sha1").update(url).digest("hex")) : target, out);
