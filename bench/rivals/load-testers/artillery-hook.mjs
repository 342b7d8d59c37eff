/** What Artillery's users have to write to see what is pushed to their clients: it counts and times events. */

/** A step of a scenario, before the first message is sent. */
export async function listen(context, metrics) {
  context.ws.on('message', (data) => {
    const now = Date.now();
    for (const line of String(data).split('\n')) {
      const event = JSON.parse(line);
      if (event.offset === undefined) continue;
      metrics.emit('counter', 'hook.received', 1);
      metrics.emit('histogram', 'hook.latency', now - event.ts);
    }
  });
}
