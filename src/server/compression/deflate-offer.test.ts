/** What odin takes of each offer of permessage-deflate. */
import { expect, test } from 'vitest';
import { chooseDeflateOffer, takeDeflateOffer } from './deflate-offer.ts';

const base = 'permessage-deflate; client_no_context_takeover';

test.each([
  ['permessage-deflate', 'context', base],
  ['permessage-deflate; client_max_window_bits', 'context', `${base}; client_max_window_bits=10`],
  ['permessage-deflate;client_max_window_bits=15', 'context', `${base}; client_max_window_bits=10`],
  [
    'permessage-deflate; client_max_window_bits="9"',
    'context',
    `${base}; client_max_window_bits=9`,
  ],
  ['permessage-deflate; client_max_window_bits=8', 'context', base],
  ['permessage-deflate; client_no_context_takeover', 'context', base],
  [
    'permessage-deflate; server_max_window_bits=15',
    'context',
    `${base}; server_max_window_bits=15`,
  ],
  [
    'permessage-deflate; server_no_context_takeover',
    'alone',
    `${base}; server_no_context_takeover`,
  ],
  ['x-webkit-deflate-frame, permessage-deflate', 'context', base],
  ['permessage-deflate; server_max_window_bits=10, permessage-deflate', 'context', base],
])('%s is taken as %s', (offered, deflating, header) => {
  expect(chooseDeflateOffer(offered)).toEqual({ deflating, header });
});

test.each([
  [undefined],
  [''],
  ['x-webkit-deflate-frame'],
  ['permessage-deflate; server_max_window_bits=10'],
  ['permessage-deflate; server_max_window_bits'],
  ['permessage-deflate; client_max_window_bits=16'],
  ['permessage-deflate; client_max_window_bits; client_max_window_bits'],
  ['permessage-deflate; server_no_context_takeover=1'],
  ['permessage-deflate; unheard_of'],
  ['permessage-deflate; ='],
  ['permessage-deflate;'],
])('%s is not taken', (offered) => {
  expect(chooseDeflateOffer(offered)).toBeUndefined();
});

test('only v2 clients are offered it, and the header says what was chosen', () => {
  const offer = { 'sec-websocket-extensions': 'permessage-deflate' };
  const v1 = { ...offer };
  expect(takeDeflateOffer(v1)).toBe('none');
  expect(v1).toEqual({});
  const v2 = { ...offer, 'sec-websocket-protocol': 'odin.v1, odin.v2' };
  expect(takeDeflateOffer(v2)).toBe('context');
  expect(v2['sec-websocket-extensions']).toBe(base);
});
