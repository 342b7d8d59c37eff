/** Why nobody can listen at an address, in words: one wording for all ports. */
import { messageOf } from './errors.ts';

const faults: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something listens there already',
  EADDRNOTAVAIL: 'it is no address of this machine',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name cannot be resolved',
  EACCES: 'it is not allowed: ports below 1024 are for root',
};

/** What kept a server from listening; what is not known here keeps its own words. */
export function listenFault(error: unknown): string {
  return faults[(error as NodeJS.ErrnoException).code ?? ''] ?? messageOf(error);
}
