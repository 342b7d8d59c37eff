#!/usr/bin/env node
// Runs odin, under a Node that is new enough: this one, or the one the project brings along.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';

const [major, minor] = process.versions.node.split('.').map(Number);
const isNewEnough = major > 22 || (major === 22 && minor >= 12);

// A load test's own process only gathers what its workers count. Loading itself would make its room
// for new objects ten times as large, and it would fill that little by little during the run.
if (process.argv[2] === 'loadtest') setFlagsFromString('--semi-space-growth-factor=1');

if (!isNewEnough) runWithBundledNode();
else if (existsSync(new URL('../dist/main.js', import.meta.url))) await import('../dist/main.js');
else fail('odin is not built yet: run `npm run build` in its folder');

function runWithBundledNode() {
  const node = bundledNode();
  if (node === undefined) {
    return fail(`odin needs Node 22.12 or newer (this is ${process.version}): https://nodejs.org`);
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    // The link tells the child when this process is gone, however it went.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => child.kill(signal));
  }
  child.on('error', (error) => fail(`cannot start ${node}: ${error.message}`));
  child.on('exit', (code, signal) => {
    // At once: while Node takes itself apart, a signal that came again would change the exit code.
    process.exit(code ?? 128 + (constants.signals[signal] ?? 0));
  });
}

function bundledNode() {
  try {
    const name = `node-${process.platform}-${process.arch}/bin/node`;
    return createRequire(import.meta.url).resolve(name);
  } catch {
    return undefined;
  }
}

function fail(message) {
  process.stderr.write(`error: ${message}\n`);
  process.exitCode = 3;
}
