/** Pages: the token board and the operator's page, as the server sends them. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from '../../config/schema.ts';
import { mayAdminister } from '../http/access.ts';
import { encodingFor, isKnown } from './negotiation.ts';
import { type PageFile, readPageFiles } from './page-files.ts';

/** Nothing from elsewhere, nothing inline, nobody around it, and no text that becomes markup. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  // Takes WebSockets to the same host in, too.
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

const headers: Readonly<Record<string, string>> = {
  'Content-Security-Policy': policy,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

const fileOfPage: Readonly<Record<string, string>> = { '/': 'index.html', '/ops': 'ops.html' };

/** What stands in the pages as built; `token` instead, where clients need one. */
const openAccess = 'data-access="open"';

const notBuilt = 'The pages are not there: they are made by `npm run build`.\n';

/** Answers for the pages and what they are made of. */
export class Pages {
  readonly #files: ReadonlyMap<string, PageFile>;
  readonly #adminToken: string | undefined;
  readonly #isOff: boolean;

  private constructor(
    files: ReadonlyMap<string, PageFile>,
    { pages, adminToken }: Pick<Config['server'], 'pages' | 'adminToken'>,
  ) {
    this.#files = files;
    this.#adminToken = adminToken;
    this.#isOff = pages === 'off';
  }

  /** Reads them, unless they are switched off. Without a build there are none, and that is said. The `folder` is that of the build unless given. */
  static async open(config: Config['server'], folder?: URL): Promise<Pages> {
    const { auth, pages } = config;
    const needsToken = (auth.secret ?? auth.keyFile ?? auth.jwksUrl) !== undefined;
    const fill = (html: string) =>
      needsToken ? html.replace(openAccess, 'data-access="token"') : html;
    return new Pages(pages === 'off' ? new Map() : await readPageFiles(fill, folder), config);
  }

  /** Whether a path is the pages' business. */
  has(path: string): boolean {
    return !this.#isOff && (Object.hasOwn(fileOfPage, path) || this.#fileOf(path) !== undefined);
  }

  /** Answers a GET or HEAD for a path that it has. */
  answer(path: string, request: IncomingMessage, response: ServerResponse): void {
    const file = this.#fileOf(path);
    if (file === undefined) {
      response.statusCode = 404;
      response.setHeader('Content-Type', 'text/plain; charset=utf-8');
      response.end(notBuilt);
      return;
    }
    // To whom it may not concern it is the same page, which then asks for the token: it holds
    // nothing, and what it shows comes from `/api/status`, which looks for itself.
    const isRefused = path === '/ops' && !mayAdminister(request, this.#adminToken);
    send(file, isRefused ? 403 : 200, request, response);
  }

  #fileOf(path: string): PageFile | undefined {
    if (Object.hasOwn(fileOfPage, path)) return this.#files.get(fileOfPage[path] as string);
    const file = this.#files.get(path.slice(1));
    return file?.isHashed === true ? file : undefined;
  }
}

function send(
  file: PageFile,
  status: 200 | 403,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const encoding = encodingFor(request.headers['accept-encoding'] ?? '', file.bodies);
  const tag = `"${file.tag}-${encoding}"`;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.setHeader('Vary', 'Accept-Encoding');
  if (status === 403) response.setHeader('Cache-Control', 'no-store');
  else {
    const forEver = 'public, max-age=31536000, immutable';
    response.setHeader('Cache-Control', file.isHashed ? forEver : 'no-cache');
    response.setHeader('ETag', tag);
  }
  if (status === 200 && isKnown(request.headers['if-none-match'] ?? '', tag)) {
    response.statusCode = 304;
    response.end();
    return;
  }
  const body = file.bodies[encoding] ?? file.bodies.identity;
  response.statusCode = status;
  response.setHeader('Content-Type', file.contentType);
  response.setHeader('Content-Length', body.length);
  if (encoding !== 'identity') response.setHeader('Content-Encoding', encoding);
  response.end(body);
}
