import { type GgufPart, HEADER_BYTES } from './open-part.ts'

/** Where in the header the numbers of tensors and of metadata values stand. */
const TENSOR_COUNT_AT = 8
const METADATA_COUNT_AT = 16

/** A GGUF file of the metadata of another, which no longer says of what it was a part. */
export async function vocabularyOf({ source, places }: GgufPart): Promise<Uint8Array> {
  const kept = [...places].filter(([key]) => !key.startsWith('split.')).map(([, place]) => place)
  const end = Math.max(HEADER_BYTES, ...[...places.values()].map(([, end]) => end))
  const whole = await source.read(0, end)
  const bytes = new Uint8Array(kept.reduce((total, [from, until]) => total + until - from, HEADER_BYTES))
  bytes.set(whole.subarray(0, HEADER_BYTES))
  let at = HEADER_BYTES
  for (const [from, until] of kept) {
    bytes.set(whole.subarray(from, until), at)
    at += until - from
  }
  const view = new DataView(bytes.buffer)
  view.setBigUint64(TENSOR_COUNT_AT, 0n, true)
  view.setBigUint64(METADATA_COUNT_AT, BigInt(kept.length), true)
  return bytes
}
