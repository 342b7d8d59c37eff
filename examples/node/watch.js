/** Prints what happens to some tokens: `node examples/node/watch.js ws://127.0.0.1:3004/ws BTC ETH`. */
import { OdinClient } from 'odin/client';

// Node has had one of its own since version 22. Another one can be given to the client instead:
// `import WebSocket from 'ws'`, then `new OdinClient({ url, WebSocket })`.
if (globalThis.WebSocket === undefined) {
  const { node } = process.versions;
  console.error(`Node ${node} has no WebSocket here: run this with Node 22 or newer, as it comes`);
  process.exit(2);
}

const [url = 'ws://127.0.0.1:3004/ws', ...tokens] = process.argv.slice(2);
const client = new OdinClient({ url, token: process.env.ODIN_TOKEN });
client.on('state', ({ state, retryMs = 0 }) => console.error(state, Math.round(retryMs)));
client.on('gap', ({ channel, reason }) =>
  console.error(`events of ${channel} are lost: ${reason}`),
);
client.on('error', ({ code, message }) => console.error(`${code}: ${message}`));
process.once('SIGINT', () => client.close());

const subscription = client.subscribe({
  bundle: 'TRADING',
  tokens: tokens.length > 0 ? tokens : ['BTC'],
});
client.connect();
for await (const event of subscription) {
  if (event.type === 'DROPPED') console.error(`${event.count} events dropped`);
  else console.log(event.channel, event.type, JSON.stringify(event.data));
}
