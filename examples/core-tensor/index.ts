// One weight, four encodings: what each takes, and how far its product is from the exact one.

import { byteLength, decode, dense, linear, product, Rng, sum, Tensor } from '@tersor/core-tensor'
import { randomizedSvd } from '@tersor/core-tensor/linalg'
import { binary, cast, matmul, transpose } from '@tersor/core-tensor/reference'
import { rtn } from '@tersor/quantize'

const [rows, columns, rank] = [256, 512, 8]
const rng = new Rng(1)
const normals = (...dims: [rows: number, columns: number]) => {
  const values = Float32Array.from({ length: dims[0] * dims[1] }, () => rng.normal())
  return new Tensor('float32', values, dims)
}

// A weight with a strong part of rank 8 and small numbers everywhere: neither alone is enough.
const strong = matmul(normals(rows, rank), normals(rank, columns))
const weight = binary('add', strong, normals(rows, columns))
const x = normals(16, columns)
const exact = linear(x, weight)

// The best matrix of rank 8: u · diag(s) · vᵀ, its factors in float16.
const { u, s, v } = await randomizedSvd(weight, { rank, rng: new Rng(2) })
const half = (t: Tensor) => dense(cast(t, 'float16'))
const left = half(binary('mul', u, s.reshape([1, rank])))
const lowRank = product(left, half(transpose(v, [1, 0])))

// What it leaves over goes to 3 bits. A sum is an encoding too.
const rest = binary('sub', weight, decode(lowRank))
const both = sum(lowRank, rtn(rest, { bits: 3 }))

console.log(`weight [${rows}, ${columns}], ${weight.byteLength} bytes in float32\n`)
line('encoding', 'bytes', 'bits/weight', 'error of x·wᵀ')
const encodings = {
  'product: rank 8': lowRank,
  'affine: 3 bits': rtn(weight, { bits: 3 }),
  'affine: 4 bits': rtn(weight, { bits: 4 }),
  'sum: rank 8 + 3 bits': both,
}
for (const [name, e] of Object.entries(encodings)) {
  const error = norm(binary('sub', linear(x, e), exact)) / norm(exact)
  const bytes = byteLength(e)
  line(name, String(bytes), ((8 * bytes) / weight.size).toFixed(2), `${(100 * error).toFixed(2)} %`)
}

function line(first: string, ...cells: string[]) {
  console.log(first.padEnd(22), ...cells.map(cell => cell.padStart(13)))
}

function norm(x: Tensor): number {
  return Math.sqrt((x.data as Float32Array).reduce((total, value) => total + value ** 2, 0))
}
