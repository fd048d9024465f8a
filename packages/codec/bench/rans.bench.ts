/**
 * Speed of the entropy coder on the reference device, in megabytes of symbols:
 * `npx tsx --conditions=@tersor/source packages/codec/bench/rans.bench.ts`.
 */

import { packBits, ransDecode, ransEncode, symbolFrequencies, unpackBits } from '@tersor/codec'
import { Rng, Tensor } from '@tersor/core-tensor'

const SIZE = 2 ** 22

/** The median milliseconds of the processor for a call, after warming up. */
function median(run: () => void, repeats = 11): number {
  for (let i = 0; i < 3; i++) run()
  const times = Array.from({ length: repeats }, () => {
    const start = process.cpuUsage()
    run()
    return process.cpuUsage(start).user / 1000
  })
  return times.sort((a, b) => a - b)[repeats >> 1]!
}

function report(name: string, bytes: number, run: () => void): void {
  const ms = median(run)
  console.log(
    `${name.padEnd(48)} ${ms.toFixed(2).padStart(8)} ms ${(bytes / ms / 1e3).toFixed(0).padStart(7)} MB/s`,
  )
}

const rng = new Rng(1)
const normals = Float32Array.from({ length: SIZE }, () => rng.normal())
const sources = {
  'exponents of Gaussian weights': new Uint8Array(
    Uint32Array.from(new Uint32Array(normals.buffer), x => (x >> 23) & 255),
  ),
  'Gaussian bytes, σ 28': Uint8Array.from(normals, x => 128 + Math.round(28 * x)),
}

for (const [name, bytes] of Object.entries(sources)) {
  const symbols = new Tensor('uint8', bytes, [SIZE])
  const out = new Tensor('uint8', new Uint8Array(SIZE), [SIZE])
  for (const lanes of [32, 1]) {
    const { stream, ...layout } = ransEncode(symbols, { lanes })
    const perSymbol = ((8 * stream.byteLength) / SIZE).toFixed(3)
    console.log(`${name}: ${perSymbol} bits a symbol with ${lanes} lanes`)
    report('  ransEncode', SIZE, () => ransEncode(symbols, { lanes }))
    report('  ransDecode', SIZE, () => ransDecode(stream, { ...layout, out }))
  }
}

const counts = new Uint32Array(256).map((_, s) => 1 + s * s)
const ms = median(() => symbolFrequencies(counts))
console.log(`symbolFrequencies of 256 symbols${ms.toFixed(2).padStart(25)} ms`)

for (const bits of [3, 4, 12]) {
  const codes = new Tensor(
    bits <= 8 ? 'uint8' : 'uint16',
    bits <= 8 ? new Uint8Array(SIZE) : new Uint16Array(SIZE),
    [1024, SIZE / 1024],
  )
  const packed = packBits(codes, { bits })
  report(`unpackBits of ${bits} bits`, codes.byteLength, () =>
    unpackBits(packed, { bits, columns: SIZE / 1024, out: codes }),
  )
}
