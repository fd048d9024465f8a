// Products with 4-bit weights as GPTQ, AWQ and compressed-tensors store them, against Tersor's own layout: native, one thread.
// pnpm bench:layouts [size]

import { performance } from 'node:perf_hooks'
import { createNativeDevice } from '@tersor/backend-native'
import { type Encoded, linear, Rng, type Tensor } from '@tersor/core-tensor'
import { normals } from '@tersor/core-tensor/testing'
import { encodeSafetensors, openSafetensors, quantizedWeights } from '@tersor/formats'
import { residentWeight } from '@tersor/models'
import { rtn } from '@tersor/quantize'
import { codesOf, configOf, writers } from '../src/testing/quantized-checkpoint.ts'

const size = Number(process.argv[2] ?? 4096)
const GROUP = 128
const ROUNDS = 9

const device = await createNativeDevice({ threads: 1 })
const weight = normals([size, size], 1)
const own = await residentWeight(rtn(weight, { bits: 4, groupSize: GROUP }), device)
const layouts = new Map<string, Tensor | Encoded>()
const codes = codesOf(weight, GROUP)
for (const [name, write] of Object.entries(writers)) {
  const tensors = Object.entries(write(codes, new Rng(2))).map(
    ([ending, tensor]) => [`w${ending}`, tensor] as const,
  )
  const file = await openSafetensors(encodeSafetensors(tensors))
  const started = performance.now()
  const loaded = await quantizedWeights(file, { quantization_config: configOf(name, GROUP) })!
    .weights.get('w.weight')!
    .load()
  const read = performance.now() - started
  layouts.set(name, await residentWeight(loaded, device))
  console.log(
    `${name}: read in ${read.toFixed(0)} ms, packed in ${(performance.now() - started - read).toFixed(0)} ms`,
  )
}

for (const rows of [1, 128]) {
  const x = device.upload(normals([rows, size], 3))
  const times = new Map<string, number[]>([
    ['own', []],
    ...Array.from(layouts.keys(), name => [name, []] as [string, number[]]),
  ])
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, samples] of times) {
      const w = name === 'own' ? own : layouts.get(name)!
      samples.push(timeOf(x, w, rows === 1 ? 20 : 2))
    }
  }
  const median = (samples: number[]) => samples.sort((a, b) => a - b)[samples.length >> 1]!
  const base = median(times.get('own')!)
  for (const [name, samples] of times)
    console.log(
      `${rows} rows, ${name}: ${median(samples).toFixed(3)} ms, ${(median(samples) / base).toFixed(2)} of our own layout`,
    )
}

function timeOf(x: Tensor, w: Tensor | Encoded, count: number): number {
  const started = performance.now()
  for (let i = 0; i < count; i++) linear(x, w).dispose()
  return (performance.now() - started) / count
}
