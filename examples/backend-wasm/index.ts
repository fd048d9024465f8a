// One weight on two devices: plain TypeScript, and WebAssembly with packed weights.

import { createWasmDevice } from '@tersor/backend-wasm'
import { byteLength, type Encoded, linear, Rng, Tensor, transfer } from '@tersor/core-tensor'
import { nf4, rtn } from '@tersor/quantize'

const rng = new Rng(1)
const normals = (rows: number, columns: number) =>
  new Tensor(
    'float32',
    Float32Array.from({ length: rows * columns }, () => rng.normal()),
    [rows, columns],
  )

const wasm = await createWasmDevice()
const weight = normals(1024, 1024)
const x = normals(1, 1024)
const there = await x.to(wasm)
console.log(`WebAssembly: ${wasm.info.simd}, ${wasm.info.threads} threads\n`)
line('x·wᵀ, one row', 'bytes', 'reference', 'wasm', 'difference')

for (const bits of [8, 4, 2]) await compare(`${bits} bits, group 32`, rtn(weight, { bits }))
await compare('nf4', nf4(weight))
wasm.dispose()

async function compare(name: string, small: Encoded) {
  const packed = wasm.pack(await transfer(small, wasm))
  const expected = linear(x, small).data as Float32Array
  const actual = (await linear(there, packed).read()) as Float32Array
  const largest = Math.max(...expected.map(Math.abs))
  const difference = Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!))) / largest
  const times = [time(() => linear(x, small)), time(() => wasm.scope(() => void linear(there, packed)))]
  line(name, `${byteLength(small)}`, ...times.map(ms => `${ms.toFixed(3)} ms`), difference.toExponential(1))
}

/** Milliseconds of a call, the median of some. */
function time(run: () => void): number {
  const times = Array.from({ length: 25 }, () => {
    const start = performance.now()
    run()
    return performance.now() - start
  })
  return times.sort((a, b) => a - b)[12]!
}

function line(first: string, ...cells: string[]) {
  console.log(first.padEnd(18), ...cells.map(cell => cell.padStart(11)))
}
