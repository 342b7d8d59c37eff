/** The React example, built as `vite build` builds it, behind a web server of its own. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build, type Rolldown } from 'vite';

/** Serves it on a free port; disposing ends that. */
export async function serveExample(): Promise<AsyncDisposable & { readonly url: string }> {
  const root = fileURLToPath(new URL('../../examples/react', import.meta.url));
  const { output } = (await build({
    ...{ root, configFile: false, logLevel: 'error' },
    build: { write: false },
  })) as Rolldown.RolldownOutput;
  const files = new Map(
    output.map((file) => [file.fileName, 'code' in file ? file.code : file.source]),
  );
  const server = createServer((request, response) => {
    const name = request.url?.split('?', 1)[0]?.slice(1) || 'index.html';
    const type = name.endsWith('.js') ? 'text/javascript' : 'text/html';
    if (files.has(name)) response.writeHead(200, { 'content-type': type });
    else response.writeHead(204);
    response.end(files.get(name));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
