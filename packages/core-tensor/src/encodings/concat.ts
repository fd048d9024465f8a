import { decode, type DecodeOptions, type Encoded, type Encoding, encoded } from '../encoded.ts'
import { copy } from '../reference/copy.ts'
import { cast } from '../reference/cast.ts'
import { tensorsOf } from '../tensors-of.ts'
import type { Tensor } from '../tensor.ts'
import { reference } from '../reference-device.ts'
import { decoded, malformed, metaInteger, numbered, rowRange, terms } from './parts.ts'

/**
 * Blocks side by side along an axis: caches that grow, stacks of experts, q, k and v in one.
 *
 * @param blocks  of one shape but for `axis`
 */
export function concat(axis: number, ...blocks: (Tensor | Encoded)[]): Encoded {
  const rank = blocks[0]?.dims.length ?? 0
  const at = axis < 0 ? axis + rank : axis
  const dims = (blocks[0]?.dims ?? []).map((dim, i) => (i === at ? blocks.reduce((total, block) => total + (block.dims[at] ?? 0), 0) : dim))
  return encoded(concatEncoding, 'float32', dims, numbered(blocks), { axis: at })
}

/** The kind of {@link concat}. */
export const concatEncoding: Encoding = /* @__PURE__ */ Object.freeze({
  kind: 'concat',
  check: checkConcat,
  decode: decodeConcat,
})

function checkConcat(e: Encoded): void {
  const axis = metaInteger(e, 'axis', 0, e.dims.length - 1)
  const blocks = terms(e)
  const fit = blocks.every(block => block.dims.length === e.dims.length && block.dims.every((dim, i) => i === axis || dim === e.dims[i]))
  const total = blocks.reduce((sum, block) => sum + (block.dims[axis] ?? 0), 0)
  if (blocks.length === 0 || !fit || total !== e.dims[axis]) throw malformed(e, `expected blocks that fill axis ${axis}`)
}

function decodeConcat(e: Encoded, options: DecodeOptions = {}): Tensor {
  const axis = e.meta.axis as number
  const [start, end] = rowRange(e, options)
  const device = tensorsOf(e.parts).next().value?.device ?? reference
  const whole = device.empty('float32', [end - start, ...e.dims.slice(1)])
  let from = 0
  for (const block of terms(e)) {
    const length = block.dims[axis]!
    const rows = axis === 0 ? ([Math.max(start - from, 0), Math.min(end - from, length)] as const) : ([start, end] as const)
    if (rows[0] < rows[1] || axis !== 0) {
      const at = e.dims.map((_, i) => (i !== axis ? 0 : axis === 0 ? Math.max(from - start, 0) : from))
      copy(cast(decode(block, { rows }), 'float32'), { out: whole, at })
    }
    from += length
  }
  return decoded(e, whole, options)
}
