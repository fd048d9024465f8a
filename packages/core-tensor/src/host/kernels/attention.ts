import type { DeviceKernels } from '../../device/kernels.ts'
import { type Encoded, isEncoded } from '../../encoded/encoded.ts'
import { fitsAttention, fitsScores } from '../../reference/attention-dims.ts'
import { numbersOf } from '../../tensor/convert.ts'
import { sameDims } from '../../tensor/dims.ts'
import { isFloat } from '../../tensor/dtype.ts'
import { Tensor } from '../../tensor/tensor.ts'
import { output } from '../output.ts'
import { cacheTypes, floatCodes, type Primitives, shiftKinds } from '../primitives.ts'

/** `attention` over keys and values in float32, float16, or codes of 8 or 4 bits in groups of a head. */
export function attention(primitives: Primitives): DeviceKernels {
  return {
    attention(q, k, v, options) {
      const { scale, causal = false, softcap = 0, logWeight, lse } = options
      const [heads = 0, queries = 0, headDim = 0] = q.dims
      const [kvHeads = 0, capacity = 0] = k.dims
      const { length = capacity } = options
      // No key is as far away as this.
      const window = options.window === undefined ? 0 : Math.min(options.window, length + queries)
      const keys = stored(k)
      const values = stored(v)
      const offered =
        keys !== undefined &&
        values !== undefined &&
        sameStorage(keys, values) &&
        options.rope === undefined &&
        options.keyIndex === undefined &&
        options.mass === undefined &&
        options.order !== 'sequential' &&
        Number.isFinite(options.scale) &&
        [q, logWeight, lse].every(tensor => tensor === undefined || tensor.type === 'float32')
      const fits =
        fitsAttention(q, k, v, length) &&
        fitsScores(options) &&
        (logWeight === undefined || sameDims(logWeight.dims, [kvHeads, capacity])) &&
        (lse === undefined || sameDims(lse.dims, [heads, queries]))
      if (!offered || !fits) return undefined
      const result = output(q.device, q.dims, options, [q, keys.data, values.data], { aliasing: 'apart' })
      if (result === undefined) return undefined
      primitives.run(
        'attention',
        [result.y, lse],
        [q, keys.data, values.data, keys.scale, values.scale, keys.shift, values.shift, logWeight],
        // biome-ignore format: as the signature has them
        [
          heads, kvHeads, queries, headDim, length, capacity,
          keys.type, keys.group, keys.scaleType, keys.shiftKind, keys.constant, scale, causal ? 1 : 0,
          window, softcap,
        ],
      )
      return result.done()
    },
  }
}

/** Keys or values as the primitive reads them. */
interface Stored {
  readonly data: Tensor
  readonly type: number
  readonly group: number
  readonly scaleType: number
  readonly shiftKind: number
  /** The zero of all groups, with that shift kind. */
  readonly constant: number
  readonly scale?: Tensor | undefined
  readonly shift?: Tensor | undefined
}

function stored(x: Tensor | Encoded): Stored | undefined {
  if (!isEncoded(x)) return plain(x)
  const { values, codes, scale, zero, offset } = x.parts
  if (x.encoding.kind === 'dense')
    return values instanceof Tensor && x.type === 'float32' ? plain(values) : undefined
  const { bits, group, axis } = x.meta as { bits: number; group: number; axis: number }
  if (x.encoding.kind !== 'affine' || axis !== 2 || (bits !== 8 && bits !== 4)) return undefined
  const [heads = 0, capacity = 0, headDim = 0] = x.dims
  const shift = zero ?? offset
  if (!(codes instanceof Tensor && scale instanceof Tensor) || (bits === 4 && headDim % 2 !== 0))
    return undefined
  if (scale.type !== 'float32' && scale.type !== 'float16') return undefined
  if (!sameDims(scale.dims, [heads, capacity, Math.ceil(headDim / group)])) return undefined
  if (zero !== undefined && (offset !== undefined || isFloat(zero.type))) return undefined
  if (shift !== undefined && !(shift instanceof Tensor)) return undefined
  const shared = zero instanceof Tensor && zero.size === 1
  if (!shared && shift !== undefined && shift.type !== (zero ? 'uint8' : scale.type)) return undefined
  return {
    data: codes,
    type: bits === 8 ? cacheTypes.codes8 : cacheTypes.codes4,
    group,
    scaleType: floatCodes[scale.type],
    shiftKind: shared
      ? shiftKinds.constantZero
      : zero
        ? shiftKinds.zero
        : shift
          ? shiftKinds.offset
          : shiftKinds.none,
    constant: shared ? numbersOf(zero)[0]! : 0,
    scale,
    shift: shared ? undefined : shift,
  }
}

function plain(data: Tensor): Stored | undefined {
  if (data.type !== 'float32' && data.type !== 'float16') return undefined
  return {
    data,
    type: cacheTypes[data.type],
    group: 0,
    scaleType: 0,
    shiftKind: shiftKinds.none,
    constant: 0,
  }
}

function sameStorage(a: Stored, b: Stored): boolean {
  return (
    a.type === b.type &&
    a.group === b.group &&
    a.scaleType === b.scaleType &&
    a.shiftKind === b.shiftKind &&
    a.constant === b.constant
  )
}
