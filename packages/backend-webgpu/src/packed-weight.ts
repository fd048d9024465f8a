import {
  affineEncoding,
  codebookEncoding,
  decode,
  type Encoded,
  type Encoding,
  encoded,
  isEncoded,
  packedRowBytes,
  Tensor,
} from '@tersor/core-tensor'
import { malformed, mapParts, part, plainIntegers, tensorPart } from '@tersor/core-tensor/host'
import { elementwise } from './elementwise.ts'
import { dequantize } from './kernels/dequantize.ts'
import { linearStored } from './linear-stored.ts'
import { webGpuOf } from './webgpu-device.ts'

/** Bytes that rows of codes begin on: what a thread reads at once. */
const ALIGNMENT = 4

const kinds = { affine: affineEncoding, codebook: codebookEncoding } as const

/** What a part that was an encoding is kept as, beside the plain one that kernels read. */
const KEPT = 'kept.'

/**
 * Affine and codebook matrices with zeros behind each row of codes, so that rows begin on words, and with plain
 * numbers of groups.
 */
const packedEncoding: Encoding = /* @__PURE__ */ Object.freeze({
  kind: 'packed',
  check(e: Encoded): void {
    if (tensorPart(e, 'codes').dims.at(-1)! % ALIGNMENT !== 0)
      throw malformed(e, 'expected rows of whole words')
  },
  decode: dequantize,
  linear: linearStored,
})

/**
 * Aligns the codes of every affine and codebook matrix of a tree that are not, and decodes scales and offsets that are
 * encodings once instead of at every call; the rest stays as it is.
 */
export function packWeight(given: Encoded): Encoded {
  const weight = plainIntegers(given)
  const { encoding, dims, parts, meta } = weight
  const { codes } = parts
  const of = encoding === affineEncoding ? 'affine' : encoding === codebookEncoding ? 'codebook' : undefined
  if (of === undefined || dims.length !== 2 || !(codes instanceof Tensor))
    return mapParts(weight, part => (isEncoded(part) ? packWeight(part) : part))
  const bytes = codes.dims[1]!
  const aligned = bytes % ALIGNMENT === 0 && codes.byteOffset % ALIGNMENT === 0
  const nested = Object.entries(parts).filter(([, part]) => isEncoded(part))
  if (aligned && nested.length === 0) return weight
  const plain = Object.fromEntries(nested.map(([name, part]) => [name, decode(part)]))
  const kept = Object.fromEntries(nested.map(([name, part]) => [KEPT + name, part]))
  const padded = aligned ? codes : withRowsOf(codes, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT)
  return encoded(
    packedEncoding,
    weight.type,
    dims,
    { ...parts, ...plain, ...kept, codes: padded },
    { ...meta, of },
  )
}

/** The inverse of {@link packWeight}, byte for byte. */
export function unpackWeight(weight: Encoded): Encoded {
  const { encoding, dims, parts } = weight
  if (encoding !== packedEncoding)
    return mapParts(weight, part => (isEncoded(part) ? unpackWeight(part) : part))
  const { of, ...meta } = weight.meta as { of: keyof typeof kinds; bits: number }
  const d = of === 'codebook' ? part(weight, 'table').dims.at(-1)! : 1
  const padded = tensorPart(weight, 'codes')
  const rowBytes = packedRowBytes(dims[1]! / d, meta.bits)
  const before: Record<string, Tensor | Encoded> = { ...parts }
  before.codes = padded.dims[1] === rowBytes ? padded : withRowsOf(padded, rowBytes)
  for (const name of Object.keys(parts).filter(name => name.startsWith(KEPT))) {
    before[name.slice(KEPT.length)] = parts[name]!
    delete before[name]
  }
  return encoded(kinds[of], weight.type, dims, before, meta)
}

/** The rows of a matrix of bytes, cut or with zeros behind them. */
function withRowsOf(bytes: Tensor, columns: number): Tensor {
  const [rows, before] = bytes.dims as [number, number]
  const y = webGpuOf(bytes).make('uint8', [rows, columns])
  elementwise(y, {
    name: 'rowsOf',
    inputs: { x: bytes },
    params: { columns, before },
    scalar: 'u32',
    element: () => `fn element(i: u32) -> u32 {
  let column = i % p.columns;
  return select(0u, x((i / p.columns) * p.before + min(column, p.before - 1u)), column < p.before);
}`,
  })
  return y
}
