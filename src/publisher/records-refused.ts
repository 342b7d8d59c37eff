/** The broker took a batch except for some records that it will never take. */
import { RemoteError } from '../base/errors.ts';

/** A rejection of `Producer.send` after which the next sends may well succeed. */
export class RecordsRefused extends RemoteError {
  /** How many records of the send were refused; the others are in the broker. */
  readonly refused: number;

  constructor(refused: number, reason: string) {
    super(`${refused} ${refused === 1 ? 'event was' : 'events were'} refused: ${reason}`);
    this.refused = refused;
  }
}
