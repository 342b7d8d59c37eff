/** Failures of a send that its caller may act on; all others are plain RemoteErrors. */
import { RemoteError } from '../base/errors.ts';

/** Somebody else is the producer of this name now; see `ProducerOptions.exclusiveAs`. */
export class TakenOver extends RemoteError {}

/** The broker will never take at least one of these records: too large, or not to its rules. */
export class RecordsUnfit extends RemoteError {}
