// One weight on two devices: plain TypeScript, and a graphics card with the weight as it is stored.

import { createWebGpuDevice } from '@tersor/backend-webgpu'
import {
  byteLength,
  type Encoded,
  linear,
  Rng,
  Tensor,
  transfer,
  UnsupportedError,
} from '@tersor/core-tensor'
import { nf4, rtn } from '@tersor/quantize'

const gpu = await createWebGpuDevice().catch((error: unknown) => {
  // No graphics card: that is an answer too.
  if (error instanceof UnsupportedError) console.log(error.message)
  else throw error
})

if (gpu !== undefined) {
  const rng = new Rng(1)
  const normals = (rows: number, columns: number) =>
    new Tensor(
      'float32',
      Float32Array.from({ length: rows * columns }, () => rng.normal()),
      [rows, columns],
    )
  const weight = normals(512, 512)
  const x = normals(1, 512)
  const there = await x.to(gpu)

  const compare = async (name: string, small: Encoded) => {
    const packed = gpu.pack(await transfer(small, gpu))
    const expected = linear(x, small).data as Float32Array
    const before = gpu.submissions
    const actual = (await linear(there, packed).read()) as Float32Array
    const largest = Math.max(...expected.map(Math.abs))
    const difference = Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!))) / largest
    line(name, `${byteLength(small)}`, difference.toExponential(0), `${gpu.submissions - before}`)
  }

  console.log(
    `${gpu.info.vendor} ${gpu.info.architecture}, tensors of up to ${gpu.info.maxTensorBytes} bytes\n`,
  )
  line('x·wᵀ, one row', 'bytes', 'difference', 'submissions')
  for (const bits of [8, 4, 2]) await compare(`${bits} bits, group 32`, rtn(weight, { bits }))
  await compare('nf4', nf4(weight))
  gpu.dispose()
}

function line(first: string, ...cells: string[]) {
  console.log(first.padEnd(18), ...cells.map(cell => cell.padStart(12)))
}
