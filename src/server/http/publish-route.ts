/** `POST /api/publish`, the request: who sends what; what becomes of it is up to the node. */
import type { IncomingMessage } from 'node:http';
import type { Answer, Submission } from '../reporting/node-api.ts';

/** Most bytes of one request; larger ones are answered 413. */
const maxRequestBytes = 1024 * 1024;
/** Characters of a producer's name and of a batch's. */
const maxNameChars = 128;

/** Reads a request, or says what is wrong with it. Rejects when it is cut off. */
export async function readSubmission(request: IncomingMessage): Promise<Submission | Answer> {
  const contentType = request.headers['content-type']?.split(';', 1)[0];
  // A type that browsers do not send without asking first: no web page can publish blindly.
  if (contentType !== 'application/x-ndjson' && contentType !== 'application/json') {
    return failure(415, 'UNSUPPORTED_TYPE', 'send application/x-ndjson or application/json');
  }
  const text = await readBody(request);
  if (text === undefined) {
    return failure(413, 'TOO_LARGE', `at most ${maxRequestBytes} bytes in one request`);
  }
  const producer = headerOf(request, 'x-odin-producer');
  const batch = headerOf(request, 'x-odin-batch');
  return { contentType, text, producer, batch };
}

/** Whether a request was answered instead of read. */
export function isAnswer(read: Submission | Answer): read is Answer {
  return 'status' in read;
}

/** The body as text; undefined when it is too large. Then the rest is read and thrown away. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
  const chunks: Buffer[] = [];
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= maxRequestBytes) chunks.push(chunk);
    else resolve(undefined);
  });
  request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
  request.on('error', reject);
  request.on('close', () => reject(new Error('request was cut off')));
  return promise;
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value.slice(0, maxNameChars) : undefined;
}

function failure(status: number, code: string, error: string): Answer {
  return { status, body: { error, code } };
}
