/** A run that says nothing about a server: it aimed at the wrong thing, or the server is gone. */
import { RemoteError } from '../../base/errors.ts';
import type { ErrorClass } from '../socket/error-classes.ts';
import { isDeafToHttp, speaksTls } from './port-probe.ts';
import type { LoadTestReport } from './report.ts';

const maxExampleChars = 120;
/** How servers that expect TLS end a connection that begins with plain HTTP. */
const mayWantTls = /^upgrade-(closed|reset|bad-response|status-400)$/;
const wantsTls = 'there is TLS at this port: use wss:// in --url';
/** How what does not speak HTTP ends a connection, and a server that is overrun. */
const mayBeDeaf = /^upgrade-(closed|reset)$/;
const deaf =
  'what listens there answers no HTTP: check the port in --url, and behind a proxy, whether odin runs';
/** What a server says that takes a subscription for something else, or for nothing. */
const isOddAnswer = /^(open|subscribe)-bad-message$/;
const mayBeForeign = /^((open|subscribe)-bad-message|subscribe-timeout)$/;
const foreign = 'this is no answer of odin: other servers are tested with --protocol raw';

/** What to do about a class of errors with which nobody gets in; the first that matches counts. */
const remedies: readonly (readonly [RegExp, string])[] = [
  [/^connect-/, 'is `odin serve` running there? check the address with --url'],
  [/^tls-plain-expected$/, 'there is no TLS at this port: use ws:// in --url'],
  [/^upgrade-tls-expected$/, wantsTls],
  [
    /^tls-name-mismatch$/,
    'use a name of the certificate in --url, or --insecure to test all the same',
  ],
  [/^tls-(self-signed|untrusted)$/, 'trust it with --ca cert.pem, or any with --insecure'],
  [/^tls-(expired|not-yet-valid|bad-certificate)$/, 'renew it, or test with --insecure'],
  [/^tls-/, 'is there TLS at this port? check the address with --url'],
  [/^upgrade-bad-subprotocol$/, 'it speaks none of the subprotocols that were offered'],
  [/^upgrade-status-404$/, 'nothing there: odin listens at /ws, check the path in --url'],
  [
    /^upgrade-status-40[13]$/,
    'a token comes from ODIN_LOADTEST_TOKEN or --token-file, a web page’s Origin from --header',
  ],
  [
    /^upgrade-(status-(2|3|400|405|406|410|421|426)\d*|bad-response|bad-accept)$/,
    'no WebSocket there: check address and path with --url',
  ],
];

/** The same of a subprotocol, by what clients were told to speak. */
function subprotocolRemedy({ protocol, subprotocols }: LoadTestReport['config']): string {
  if (protocol === 'v2') {
    return 'it does not speak odin.v2: an older odin is tested with --protocol v1, others with raw';
  }
  if (protocol === 'v1') return 'it does not speak odin.v1: others are tested with --protocol raw';
  return subprotocols.length > 0
    ? `it does not speak ${subprotocols.join(' or ')}: name what it does with --subprotocol, or leave that out`
    : 'it chose a subprotocol that nobody asked for: name it with --subprotocol';
}

/**
 * The error to end with when all clients failed for a reason of this kind, or a search ended because
 * the server lets nobody in any more; undefined otherwise.
 */
export async function deadEndOf(report: LoadTestReport): Promise<RemoteError | undefined> {
  return (await neverIn(report)) ?? gone(report);
}

function gone({ url, search }: LoadTestReport): RemoteError | undefined {
  if (search?.ending !== 'server') return undefined;
  return new RemoteError(`lost the server at ${url}: ${search.answer}`, {
    hint: 'is it still running? its log says what became of it',
  });
}

async function neverIn(report: LoadTestReport): Promise<RemoteError | undefined> {
  const { connections, verdict, url, search } = report;
  // That the run was over before a client's last try says nothing of why it did not get in.
  const errors = report.errors.filter(({ class: name }) => name !== 'local-left-early');
  const odd = errors.find(({ class: name }) => isOddAnswer.test(name));
  const isForeign = odd !== undefined && errors.every(({ class: name }) => mayBeForeign.test(name));
  const first = isForeign ? odd : errors[0];
  if (connections.opened > 0 || first === undefined) return undefined;
  // However slow the load tester was: only a wait that ended without an answer may be its doing.
  const isTold =
    verdict === 'inconclusive' &&
    (search?.ending === 'server' || !errors.some(({ class: name }) => /timeout/.test(name)));
  if (verdict !== 'fail' && !isTold) return undefined;
  const isPlain = errors.every(({ class: name }) => mayWantTls.test(name));
  const isTls = isPlain && (await speaksTls(new URL(url)));
  const isCut = errors.every(({ class: name }) => mayBeDeaf.test(name));
  const isDeaf = isCut && !isTls && (await isDeafToHttp(new URL(url)));
  const hint = isTls ? wantsTls : isDeaf ? deaf : isForeign ? foreign : undefined;
  if (hint === undefined && !errors.every(({ class: name }) => remedyOf(name) !== undefined))
    return undefined;
  const example = first.example.replaceAll(/\s+/g, ' ').slice(0, maxExampleChars);
  return new RemoteError(`cannot connect to ${url}: ${first.class}: ${example}`, {
    hint: hint ?? remedyIn(report, first.class),
  });
}

function remedyIn({ config }: LoadTestReport, errorClass: ErrorClass): string | undefined {
  return errorClass === 'upgrade-bad-subprotocol'
    ? subprotocolRemedy(config)
    : remedyOf(errorClass);
}

function remedyOf(errorClass: ErrorClass): string | undefined {
  return remedies.find(([pattern]) => pattern.test(errorClass))?.[1];
}
