// One weight through every method: what it takes, how exact it is, and how exact its outputs are.

import { byteLength, type Encoded, linear, Rng, Tensor } from '@tersor/core-tensor'
import { binary, gram, matmul } from '@tersor/core-tensor/reference'
import { weightSnr } from '@tersor/eval'
import { float8, gptq, nf4, quantEase, rtn } from '@tersor/quantize'

const [rows, columns] = [128, 256]
const rng = new Rng(1)
const normals = (m: number, n: number) =>
  new Tensor(
    'float32',
    Float32Array.from({ length: m * n }, () => rng.normal()),
    [m, n],
  )

// Inputs of a layer are correlated, and that is what GPTQ lives on: 24 hidden causes and some noise.
const causes = normals(24, columns)
const inputs = (samples: number) =>
  binary('add', matmul(normals(samples, 24), causes), normals(samples, columns))

const weight = normals(rows, columns)
const statistics = gram(inputs(1024)) // from one text …
const x = inputs(256) // … and judged on another
const exact = linear(x, weight)

console.log(`weight [${rows}, ${columns}], ${weight.byteLength} bytes in float32; groups of 32\n`)
line('method', 'bits/weight', 'bytes', 'weight SNR', 'output error')
for (const bits of [8, 4, 3, 2]) report(`rtn, ${bits} bits`, rtn(weight, { bits }))
report('rtn, 2 bits, mse range', rtn(weight, { bits: 2, range: 'mse' }))
report('float8', float8(weight))
report('nf4', nf4(weight))
for (const bits of [4, 3, 2]) {
  const calibrated = await gptq(weight, statistics, { bits })
  report(`gptq, ${bits} bits`, calibrated)
  report(`gptq and quantEase, ${bits}`, await quantEase(weight, calibrated, statistics))
}

function report(name: string, small: Encoded) {
  const bytes = byteLength(small)
  const error = norm(binary('sub', linear(x, small), exact)) / norm(exact)
  const snr = `${weightSnr(weight, small).toFixed(1)} dB`
  line(name, ((8 * bytes) / weight.size).toFixed(2), String(bytes), snr, `${(100 * error).toFixed(2)} %`)
}

function line(first: string, ...cells: string[]) {
  console.log(first.padEnd(24), ...cells.map(cell => cell.padStart(13)))
}

function norm(t: Tensor): number {
  return Math.sqrt((t.data as Float32Array).reduce((total, value) => total + value ** 2, 0))
}
