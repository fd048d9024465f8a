import type { PrimitiveName } from '@tersor/core-tensor/host'

/** Working memory of a blocked product on one thread: `GEMM_BYTES` of `assembly/products/gemm.ts`, and some more. */
const PRODUCT = 512 * 1024
/** Of conversions and of entropy decoding. */
const SMALL = 32 * 1024
/** Keys that attention takes at a time, `KEYS` of `assembly/attention/cache-codes.ts`. */
const KEYS = 256
/** Rows that `assembly/packed/linear-packed-many.ts` quantises at a time. */
const ROWS = 32

type Scalars = readonly number[]

interface Primitive {
  /** Bytes of working memory that each part needs. */
  scratch?(scalars: Scalars): number
  /** About how many multiplications or moves of a number; it decides whether threads pay. */
  work(scalars: Scalars): number
}

const product = (scalars: Scalars) => scalars.reduce((a, b) => a * b, 1)

/** Activations in 16 bits with a unit and a sum for each piece of a group. */
function activationBytes(k: number, group: number): number {
  const segments = Math.ceil(k / Math.min(group, 256)) + Math.ceil(k / group) + 1
  return k * 2 + segments * 8 + 512
}

/** Queries that `assembly/training/query-panel.ts` works on together. */
const PANEL = 8

/** Products of queries and keys in attention within documents, as if half of the longest were seen. */
function pairs([rows, heads, , headDim, , longest]: Scalars): number {
  return (rows! * heads! * headDim! * longest!) / 2
}

/** Matrices as tall as the longest document: `heights` as wide as a head, `panels` as a panel; and `spare` columns of a head. */
function attentionBytes([, , , headDim, , longest]: Scalars, { heights = 0, panels = 0, spare = 0 }): number {
  const [wide, tall] = [headDim!, longest!].map(size => Math.ceil(size / PANEL) * PANEL) as [number, number]
  return 4 * (tall * (heights * wide + panels * PANEL) + spare * wide + 256)
}

/** What the host has to know about each primitive beyond its arguments. */
export const primitives: Readonly<Record<PrimitiveName, Primitive>> = {
  gemm: { scratch: () => PRODUCT, work: ([batch, m, n, k]) => batch! * m! * n! * k! },
  convert: { scratch: () => SMALL, work: ([size]) => 2 * size! },
  unary: { work: ([, size]) => 8 * size! },
  binary: { work: ([, outer, inner]) => outer! * inner! },
  softmax: { work: ([rows, columns]) => (rows! < 2 ? 0 : 8 * rows! * columns!) },
  rmsNorm: { work: ([rows, columns]) => (rows! < 2 ? 0 : 3 * rows! * columns!) },
  layerNorm: { work: ([rows, columns]) => (rows! < 2 ? 0 : 5 * rows! * columns!) },
  rotate: { work: ([rows, , headDim]) => 2 * rows! * headDim! },
  reduce: {
    work: ([, outer, length, inner]) => (outer! * inner! < 2 ? 0 : product([outer!, length!, inner!])),
  },
  topK: { work: ([rows, columns]) => (rows! < 2 ? 0 : 2 * rows! * columns!) },
  transpose: { work: product },
  hadamard: { work: ([rows, columns]) => (rows! < 2 ? 0 : rows! * columns! * Math.log2(columns! + 1)) },
  attention: {
    scratch: ([, , , headDim, , , , group]) =>
      PRODUCT +
      20_000 +
      KEYS * headDim! * 4 +
      (4 * KEYS + 32) * Math.ceil(headDim! / Math.max(group!, 1) + 1) * 4 +
      headDim! * 10 +
      4096,
    work: ([heads, , queries, headDim, length, , , , , , , , causal, window]) => {
      const met = window === 0 ? length! : Math.min(length!, window! * (causal === 0 ? 2 : 1))
      return 2 * heads! * queries! * headDim! * met
    },
  },
  pack: { work: ([rows, columns]) => 16 * rows! * columns! },
  unpack: { work: ([, columns, , , , , start, end]) => 16 * (end! - start!) * columns! },
  linearPacked: {
    scratch: ([m, , k, , group]) =>
      Math.max(PRODUCT, Math.min(m! + 3, ROWS) * (activationBytes(k!, group!) + 128) + SMALL),
    work: ([m, n, k]) => m! * n! * k!,
  },
  linearDense: { scratch: () => PRODUCT, work: ([m, n, k]) => m! * n! * k! },
  linearTwoOfFour: { scratch: () => PRODUCT, work: ([m, n, k]) => (m! * n! * k!) / 2 },
  unpackBits: { work: ([rows, columns]) => 2 * rows! * columns! },
  ransDecode: { scratch: () => SMALL, work: ([, , size]) => 8 * size! },
  segmentAttention: {
    scratch: scalars => attentionBytes(scalars, { heights: 2, panels: 1, spare: 16 }),
    work: scalars => 2 * pairs(scalars),
  },
  attentionBackward: {
    scratch: scalars => attentionBytes(scalars, { heights: 5, panels: 8, spare: 96 }),
    work: scalars => 5 * pairs(scalars),
  },
  rmsNormBackward: { work: ([rows, columns, , height]) => (rows! <= height! ? 0 : 6 * rows! * columns!) },
  swiglu: { work: ([size]) => 10 * size! },
  swigluBackward: { work: ([size]) => 16 * size! },
  crossEntropy: { work: ([rows, columns]) => (rows! < 2 ? 0 : 8 * rows! * columns!) },
}
