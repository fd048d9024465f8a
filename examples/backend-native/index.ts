// A cache of keys and values in 32, 8 and 4 bits: one query attends to 4,096 tokens where they lie.

import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { byteLength, type Encoded, Rng, reference, Tensor, transfer } from '@tersor/core-tensor'
import { attention } from '@tersor/core-tensor/reference'
import { rtn } from '@tersor/quantize'

const [heads, tokens, headDim] = [8, 4096, 64]
const device = nativeAvailable() ? await createNativeDevice() : reference
console.log(`device: ${device.name}, ${device.info.isa ?? 'no compiled kernels here'}\n`)

const rng = new Rng(1)
const normals = (dims: readonly number[]) => {
  const size = dims.reduce((a, b) => a * b, 1)
  return new Tensor(
    'float32',
    Float32Array.from({ length: size }, () => rng.normal()),
    dims,
  )
}
const query = await normals([heads, 1, headDim]).to(device)
const keys = normals([heads, tokens, headDim])
const values = normals([heads, tokens, headDim])
const scale = 1 / Math.sqrt(headDim)

line('cache', 'bytes', 'a query', 'error')
const [k, v] = [await keys.to(device), await values.to(device)]
const exact = (await attention(query, k, v, { scale }).read()) as Float32Array
await report('float32', k, v)
for (const bits of [8, 4]) {
  const small = (x: Tensor) => transfer(rtn(x, { bits, zero: 'float' }), device)
  await report(`${bits} bits`, await small(keys), await small(values))
}
device.dispose()

async function report(name: string, k: Tensor | Encoded, v: Tensor | Encoded) {
  const run = () => attention(query, k, v, { scale })
  const o = (await run().read()) as Float32Array
  const norm = (x: Float32Array) => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0))
  const error = norm(o.map((value, i) => value - exact[i]!)) / norm(exact)
  const times = Array.from({ length: 25 }, () => {
    const start = performance.now()
    run().dispose()
    return performance.now() - start
  })
  const median = times.sort((a, b) => a - b)[12]!
  line(name, `${byteLength(k) + byteLength(v)}`, `${median.toFixed(3)} ms`, `${(100 * error).toFixed(2)} %`)
}

function line(first: string, ...cells: string[]) {
  console.log(first.padEnd(10), ...cells.map(cell => cell.padStart(12)))
}
