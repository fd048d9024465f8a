import { ShapeError, Tensor } from '@tersor/core-tensor'
import { log } from '@tersor/core-tensor/portable-math'
import { checkPrecision } from './rans-layout.ts'

const WHERE = 'codec/symbol-frequencies'

/**
 * How many of 2^precision slots each byte gets, so that symbols which are there so often take the
 * fewest bits: the whole f_s ≥ 1 of sum 2^p that minimise Σ n_s · log2(2^p / f_s).
 *
 * {@link ransEncode} calls it where it is given no frequencies; call it for several tensors that share
 * them, with their counts added up.
 *
 * The bits saved by one more slot, n_s · log2((f_s + 1) / f_s), fall with f_s; so giving each slot to the
 * symbol that saves most by it is optimal (Fox, 1966, Operations Research 14(3)), up to rounding in the
 * thirteenth digit of what is compared. Of equals the first symbol gets it, and where there are no
 * symbols at all, symbol 0 gets all. The same on every engine.
 *
 * @param counts  (256) how often each byte is there
 * @returns (256) uint16 on the reference device; 0 for bytes that are not there
 * @throws {ShapeError} when there are not 256 whole counts ≥ 0, or more symbols than slots
 * @example
 * const counts = new Uint32Array(256)
 * counts.set([900, 90, 10, 1])
 * symbolFrequencies(counts, { precision: 4 }).data.subarray(0, 5) // => Uint16Array [13, 1, 1, 1, 0]
 */
export function symbolFrequencies(
  counts: ArrayLike<number>,
  { precision = 12 }: { precision?: number | undefined } = {},
): Tensor {
  checkPrecision(WHERE, precision)
  const there = symbolsThere(counts)
  const slots = 2 ** precision
  if (there.length > slots) {
    throw new ShapeError(
      `[${WHERE}] expected at most ${slots} different symbols for a precision of ${precision}, got ${there.length}; use ${Math.ceil(Math.log2(there.length))} or more`,
    )
  }
  const frequencies = new Uint16Array(256)
  for (const s of there) frequencies[s] = 1
  const saved = Float64Array.from(there, s => counts[s]! * log(2))
  for (let left = slots - there.length; left > 0; left--) {
    let best = 0
    for (let i = 1; i < there.length; i++) if (saved[i]! > saved[best]!) best = i
    const s = there[best]!
    const f = (frequencies[s]! += 1)
    saved[best] = counts[s]! * log((f + 1) / f)
  }
  return new Tensor('uint16', frequencies, [256])
}

function symbolsThere(counts: ArrayLike<number>): number[] {
  if (counts.length !== 256)
    throw new ShapeError(`[${WHERE}] expected a count for each of 256 bytes, got ${counts.length}`)
  const there: number[] = []
  for (let s = 0; s < 256; s++) {
    const count = counts[s]!
    if (!Number.isSafeInteger(count) || count < 0)
      throw new ShapeError(`[${WHERE}] expected whole counts ≥ 0, got ${count} for ${s}`)
    if (count > 0) there.push(s)
  }
  return there.length === 0 ? [0] : there
}
