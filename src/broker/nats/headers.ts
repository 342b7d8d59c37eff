/** Headers of odin's own on messages in the stream. */

/** The time of a record, in milliseconds since 1970: JetStream keeps only the time it came. */
export const timeHeader = 'Odin-Time';
