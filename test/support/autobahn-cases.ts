/** The cases of the Autobahn fuzzing client, with what a server that is no echo has to answer. */
import type { Case } from './autobahn-case.ts';
import { closing, limits, masking, utf8 } from './autobahn-content.ts';
import {
  fragmentation,
  framing,
  pings,
  reservedBits,
  reservedOpcodes,
} from './autobahn-framing.ts';

/** All cases, by section. */
export const autobahnCases: Readonly<Record<string, readonly Case[]>> = {
  framing,
  'pings and pongs': pings,
  'reserved bits': reservedBits,
  'reserved opcodes': reservedOpcodes,
  fragmentation,
  'UTF-8': utf8,
  closing,
  'limits and fragments of a size': limits,
  masking,
};
