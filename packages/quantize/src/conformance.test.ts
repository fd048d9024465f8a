import { describeWeightMethod, type WeightMethodRow } from '@tersor/core-tensor/testing'
import { quantizeMethods } from './methods.ts'
import { float8Method } from './solvers/float8.ts'
import { gptqMethod } from './solvers/gptq.ts'
import { rtnMethod } from './solvers/rtn.ts'
import { rotateMethod } from './transforms/rotate.ts'

const rtn = (options: object) => ({ method: rtnMethod, options })
const rotated = { method: rotateMethod }
const gptq = (options: object) => ({ method: gptqMethod, options })

/** Every method of the package with the figures that it is held to. */
const rows: Readonly<Record<string, readonly WeightMethodRow[]>> = {
  rotate: [{ bitsPerWeight: 32.042, loses: [0, 1e-10] }],
  rtn: [
    { bitsPerWeight: 5.104, loses: [0.0058, 0.0079] },
    { options: { bits: 2, range: 'mse' }, bitsPerWeight: 3.104, loses: [0.086, 0.12] },
    {
      options: { bits: 8, zero: 'middle', groupSize: 'channel' },
      bitsPerWeight: 8.354,
      loses: [3.3e-5, 4.5e-5],
    },
    { options: { bits: 3, zero: 'integer', groupSize: 20 }, bitsPerWeight: 4.146, loses: [0.024, 0.033] },
    { options: { grid: 'nf4' }, bitsPerWeight: 5.326, loses: [0.0064, 0.0086] },
    { options: { bits: 2, range: 'mse' }, after: rotated, bitsPerWeight: 3.146, loses: [0.1, 0.14] },
  ],
  nf4: [
    { bitsPerWeight: 4.656, loses: [0.0082, 0.011] },
    {
      options: { doubleQuantize: false, groupSize: 48 },
      bitsPerWeight: 4.993,
      loses: [0.0073, 0.0099],
      beats: { ...rtn({ zero: 'middle', groupSize: 32, scaleType: 'float32' }), by: 0.95 },
    },
  ],
  mxfp4: [{ bitsPerWeight: 4.705, loses: [0.012, 0.017] }],
  float8: [
    { bitsPerWeight: 8.375, loses: [0.00065, 0.00088] },
    { options: { format: 'e5m2', groupSize: 'tensor' }, bitsPerWeight: 8.056, loses: [0.0026, 0.0035] },
  ],
  gptq: [
    {
      options: { bits: 2 },
      after: rotated,
      bitsPerWeight: 3.146,
      loses: [0, 1],
      beats: { ...rtn({ bits: 2 }), after: rotated, by: 0.6 },
    },
    { bitsPerWeight: 5.104, loses: [0.0012, 0.0016], beats: { ...rtn({}), by: 0.6 } },
    {
      options: { bits: 2 },
      bitsPerWeight: 3.104,
      loses: [0.035, 0.048],
      beats: { ...rtn({ bits: 2 }), by: 0.6 },
    },
    {
      options: { bits: 3, actOrder: true },
      bitsPerWeight: 4.104,
      loses: [0.0033, 0.0045],
      beats: { ...rtn({ bits: 3 }), by: 0.6 },
    },
    {
      options: { bits: 2, range: 'mse' },
      bitsPerWeight: 3.104,
      loses: [0.027, 0.037],
      beats: { ...rtn({ bits: 2, range: 'mse' }), by: 0.6 },
    },
    {
      options: { bits: 3, zero: 'middle', groupSize: 'channel' },
      bitsPerWeight: 3.313,
      loses: [0.013, 0.018],
      beats: { ...rtn({ bits: 3, zero: 'middle', groupSize: 'channel' }), by: 0.6 },
    },
    {
      options: { grid: 'nf4' },
      bitsPerWeight: 5.326,
      loses: [0.0015, 0.0021],
      beats: { ...rtn({ grid: 'nf4' }), by: 0.6 },
    },
    {
      options: { grid: 'mxfp4' },
      bitsPerWeight: 4.705,
      loses: [0.0027, 0.0036],
      beats: { ...rtn({ grid: 'mxfp4' }), by: 0.6 },
    },
    {
      options: { grid: 'float8', groupSize: 'channel' },
      bitsPerWeight: 8.375,
      loses: [0.00013, 0.00018],
      beats: { ...rtn({ grid: 'float8', groupSize: 'channel' }), by: 0.6 },
    },
  ],
  'quant-ease': [
    { after: { ...gptq({ bits: 2 }), after: rotated }, bitsPerWeight: 3.146, loses: [0, 1] },
    {
      after: rtn({ bits: 2 }),
      bitsPerWeight: 3.104,
      loses: [0.023, 0.031],
      beats: { ...rtn({ bits: 2 }), by: 0.6 },
    },
    {
      after: gptq({ bits: 3, actOrder: true }),
      bitsPerWeight: 4.104,
      loses: [0.003, 0.004],
      beats: { ...gptq({ bits: 3, actOrder: true }), by: 0.97 },
    },
    {
      after: rtn({ grid: 'nf4' }),
      bitsPerWeight: 5.326,
      loses: [0.0011, 0.0014],
      beats: { ...rtn({ grid: 'nf4' }), by: 0.6 },
    },
    {
      after: rtn({ grid: 'mxfp4' }),
      bitsPerWeight: 4.705,
      loses: [0.0019, 0.0026],
      beats: { ...rtn({ grid: 'mxfp4' }), by: 0.6 },
    },
    {
      after: { method: float8Method },
      bitsPerWeight: 8.375,
      loses: [9e-5, 0.00012],
      beats: { method: float8Method, by: 0.6 },
    },
  ],
}

for (const method of quantizeMethods) describeWeightMethod(method, rows[method.name] ?? [])
