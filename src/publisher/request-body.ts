/** JSON bodies of the control API: bounded, checked, with words for what is wrong. */
import type { IncomingMessage } from 'node:http';
import { isSymbol } from '../events/channel.ts';

const maxBodyBytes = 64 * 1024;
const maxReadBytes = 16 * maxBodyBytes;
const minRate = 0.1;
const maxRate = 50_000;

/** A request that is answered with `status` and `{error}`. */
export class BadRequest extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** A JSON object. */
export type Body = Readonly<Record<string, unknown>>;

/** Reads a request's JSON object; nothing at all is an empty one. Rejects with {@link BadRequest}. */
export async function readBody(request: IncomingMessage): Promise<Body> {
  const text = (await readAll(request)).toString('utf8').trim();
  if (text === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BadRequest(400, `body is not JSON: ${(error as Error).message}`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Body;
  throw new BadRequest(400, 'body must be a JSON object');
}

/**
 * What is too large is read to its end all the same, within reason: a client that is still writing
 * when the connection closes would see a reset instead of the answer.
 */
function readAll(request: IncomingMessage): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const tooLarge = () => new BadRequest(413, `body is larger than ${maxBodyBytes} bytes`);
  const chunks: Buffer[] = [];
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= maxBodyBytes) chunks.push(chunk);
    if (bytes > maxReadBytes) reject(tooLarge());
  });
  request.on('end', () =>
    bytes > maxBodyBytes ? reject(tooLarge()) : resolve(Buffer.concat(chunks)),
  );
  request.on('close', () => reject(new BadRequest(400, 'body ended early')));
  return promise;
}

/** A rate of events per second; undefined when the field is missing. */
export function readRate(body: Body, field: string): number | undefined {
  const value = body[field];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && value >= minRate && value <= maxRate) return value;
  throw new BadRequest(400, `"${field}" must be a number from ${minRate} to ${maxRate}`);
}

/** Token symbols, each once; undefined when the field is missing. */
export function readTokens(body: Body, field: string): readonly string[] | undefined {
  const value = body[field];
  if (value === undefined) return undefined;
  if (Array.isArray(value) && value.length > 0) {
    const bad = value.find((symbol) => typeof symbol !== 'string' || !isSymbol(symbol));
    if (bad === undefined) return [...new Set(value as string[])];
    throw new BadRequest(400, `"${field}": ${JSON.stringify(bad)} is not a token symbol`);
  }
  throw new BadRequest(400, `"${field}" must be a list of token symbols such as ["BTC","ETH"]`);
}

/** Fields that the route does not know: answered as `ignored`, so that a misspelling shows. */
export function ignoredFields(body: Body, known: readonly string[]): { ignored?: string[] } {
  const ignored = Object.keys(body).filter((field) => !known.includes(field));
  return ignored.length === 0 ? {} : { ignored };
}
