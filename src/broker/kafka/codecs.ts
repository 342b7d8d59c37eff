/** What kafkajs needs to read every compression of Kafka; on its own it knows gzip only. */
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import kafkajs, { CompressionTypes } from 'kafkajs';
import { formatBytes } from '../../base/units.ts';
import { decompressLz4 } from './lz4.ts';
import { decompressSnappy } from './snappy.ts';

/** A batch of records is never larger than this, in bytes; a larger one is damaged or hostile. */
const maxBatchBytes = 256 * 1024 * 1024;

interface Codec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(input: Buffer): Promise<Buffer>;
}

let registered = false;

/** Registers Snappy, LZ4 and Zstandard for reading. odin itself writes gzip or nothing. */
export function registerCodecs(): void {
  if (registered) return;
  registered = true;
  // Node does not find this one among the named exports of the CommonJS module.
  const codecs = kafkajs.CompressionCodecs as Record<number, () => Codec>;
  codecs[CompressionTypes.Snappy] = () => reader('snappy', decompressSnappy);
  codecs[CompressionTypes.LZ4] = () => reader('lz4', decompressLz4);
  // Node before 22.15 has no Zstandard: kafkajs then says so, as it does without us.
  if (zlib.zstdDecompress === undefined) return;
  const decompress = promisify(zlib.zstdDecompress);
  codecs[CompressionTypes.ZSTD] = () => ({
    compress: refuse('zstd'),
    decompress: async (input) => await decompress(input, { maxOutputLength: maxBatchBytes }),
  });
}

function reader(name: string, read: (input: Buffer, maxBytes: number) => Buffer): Codec {
  return {
    compress: refuse(name),
    decompress: async (input) => read(input, maxBatchBytes),
  };
}

function refuse(name: string): Codec['compress'] {
  return async () => {
    throw new Error(`odin reads ${name} batches of up to ${formatBytes(maxBatchBytes)} only`);
  };
}
