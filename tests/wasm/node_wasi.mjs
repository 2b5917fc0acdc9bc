// SPDX-License-Identifier: MIT
// Runs a WebAssembly program under Node's WASI: the second opinion that tests/wasm/compare.py compares
// Bullfinch with.  node node_wasi.mjs ROOT program.wasm [argument...]
// ROOT is preopened as "/". A trap exits with 134 and a module that does not load with 126, as the
// runner does (bullfinch/runner.h).
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { argv, stderr } from "node:process";
import { WASI } from "node:wasi";

const [, , root, program, ...args] = argv;
const name = basename(program);

function finish(code, reason) {
    stderr.write(`${name}: ${reason}\n`);
    process.exit(code);
}

const wasi = new WASI({
    version: "preview1",
    args: [name, ...args],
    env: {},
    preopens: { "/": root },
    returnOnExit: true,
});

let instance;
try {
    const module = await WebAssembly.compile(await readFile(program));
    // Node 18, Debian 12's, has no getImportObject().
    instance = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: wasi.wasiImport });
} catch (error) {
    finish(126, error.message);
}
try {
    process.exitCode = wasi.start(instance);
} catch (error) {
    finish(134, error.message);
}
