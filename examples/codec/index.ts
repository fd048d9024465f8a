// bfloat16 weights without loss: exponents are entropy-coded, signs and mantissas stay as they are.

import { brotliCompressSync, constants, deflateRawSync } from 'node:zlib'
import { ransDecode, ransEncode } from '@tersor/codec'
import { Rng, Tensor } from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'

const dims = [1024, 1024]
const size = 1024 * 1024
const rng = new Rng(1)
const values = Float32Array.from({ length: size }, () => 0.02 * rng.normal())
const weight = cast(new Tensor('float32', values, dims), 'bfloat16')

// A bfloat16 is a sign, 8 bits of exponent, 7 of mantissa. The exponents of weights are few; the rest is noise.
const bits = weight.data as Uint16Array
const exponents = new Tensor(
  'uint8',
  Uint8Array.from(bits, x => x >> 7),
  dims,
)
const rest = Uint8Array.from(bits, x => ((x >> 8) & 0x80) | (x & 0x7f))

const entropy = entropyOf(exponents.data as Uint8Array)
console.log(`${size} bfloat16 weights, ${weight.byteLength} bytes`)
console.log(`entropy of their exponents: ${entropy.toFixed(4)} bits of 8\n`)

line('exponents', 'bytes', 'bits/weight', 'above entropy')
for (const options of [{}, { lanes: 1 }, { precision: 8 }, { chunk: 1024 }, { chunk: 1024, lanes: 4 }]) {
  const coded = ransEncode(exponents, options)
  const { stream, frequencies, offsets } = coded
  const names = Object.entries(options).map(([key, value]) => `, ${key} ${value}`)
  report(`rANS${names.join('')}`, stream.byteLength + frequencies.byteLength + offsets.byteLength)
}
const plain = exponents.data as Uint8Array
report('deflate, level 9', deflateRawSync(plain, { level: 9 }).byteLength)
const best = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY }
report('brotli, quality 11', brotliCompressSync(plain, { params: best }).byteLength)

// And back, bit for bit.
const { stream, ...layout } = ransEncode(exponents)
const out = new Tensor('uint8', new Uint8Array(size), dims)
const decoded = ransDecode(stream, { ...layout, out }).data as Uint8Array
const same = decoded.every(
  (exponent, i) => bits[i] === (((rest[i]! & 0x80) << 8) | (exponent << 7) | (rest[i]! & 0x7f)),
)
const total = stream.byteLength + 512 + layout.offsets.byteLength + rest.byteLength
console.log(
  `\nwith signs and mantissas: ${total} bytes, ${((8 * total) / size).toFixed(2)} bits a weight, ${((100 * total) / weight.byteLength).toFixed(1)} %; all bits ${same ? 'the same' : 'NOT the same'}`,
)

function report(name: string, bytes: number) {
  const perWeight = (8 * bytes) / size
  line(name, String(bytes), perWeight.toFixed(4), `${(100 * (perWeight / entropy - 1)).toFixed(2)} %`)
}

function line(first: string, ...cells: string[]) {
  console.log(first.padEnd(24), ...cells.map(cell => cell.padStart(14)))
}

/** Bits a symbol takes by how often it is there: −Σ p log2 p. */
function entropyOf(symbols: Uint8Array): number {
  const counts = new Float64Array(256)
  for (const symbol of symbols) counts[symbol]! += 1
  return counts.reduce(
    (sum, n) => sum + (n === 0 ? 0 : (n / symbols.length) * Math.log2(symbols.length / n)),
    0,
  )
}
