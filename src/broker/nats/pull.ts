/** Asking a consumer on the server for records: the subject for it, and whether we may. */
import { setImmediate } from 'node:timers/promises';
import { isFinal } from './complaint.ts';
import type { NatsLink } from './link.ts';
import type { NatsStream } from './stream.ts';

const checkMs = 1_000;

/** Where the records of `consumer` are asked for. */
export function pullSubject({ name }: NatsStream, consumer: string): string {
  return `$JS.API.CONSUMER.MSG.NEXT.${name}.${consumer}`;
}

/** Rejects when the user may not ask for records: who may not gets no answer, for ever. */
export async function checkPull(link: NatsLink, stream: NatsStream, name: string): Promise<void> {
  let refusal: unknown;
  // A consumer that is not there does not answer; that we may not ask, the server says at once.
  link.connection
    .request(pullSubject(stream, name), '', { timeout: checkMs })
    .catch((error: unknown) => {
      if (isFinal(error)) refusal = error;
    });
  await link.connection.flush();
  await setImmediate();
  if (refusal !== undefined) throw refusal;
}
