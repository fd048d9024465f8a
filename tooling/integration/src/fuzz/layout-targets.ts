import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { decode, sizeOf } from '@tersor/core-tensor'
import { openSafetensors, quantizedWeights } from '@tersor/formats'
import { jsonOf, MAX_DECODED, readEach } from './read-each.ts'
import { MAX_SEED_BYTES, shared } from './real-files.ts'
import type { FuzzTarget } from './target.ts'

/** Checkpoints that other programs quantized, with the tensors changed, or their configuration. */
export function layoutTargets(): readonly FuzzTarget[] {
  const root = join(shared, 'golden', 'checkpoint-layouts')
  if (!existsSync(root)) return []
  const layouts = readdirSync(root)
    .map(name => ['config.json', 'model.safetensors'].map(file => join(root, name, file)))
    .filter(files => files.every(file => existsSync(file) && statSync(file).size < MAX_SEED_BYTES))
    .map(files => files.map(file => readFileSync(file)) as [Buffer, Buffer])
  const read = async (config: Uint8Array, weights: Uint8Array) => {
    const file = await openSafetensors(weights)
    const found = quantizedWeights(file, jsonOf(config), { dimsOf: () => [32, 128] })
    await readEach(found?.weights.values() ?? [], async weight => {
      if (sizeOf(weight.dims) < MAX_DECODED) decode(await weight.load())
    })
  }
  // Which layout a changed file is of is told by its own first bytes, so that the number says all.
  const of = (file: Uint8Array) =>
    layouts[file.slice(0, 512).reduce((a, b) => (31 * a + b) % 65521, 7) % layouts.length]!
  return [
    {
      name: 'layout of changed tensors',
      seeds: layouts.map(([, weights]) => weights),
      expansion: 4096,
      async read(file) {
        // Under every configuration of its own kind there are others that it must not fit.
        for (const [config] of [of(file), of(file.subarray(1))]) await read(config, file)
      },
    },
    {
      name: 'layout of a changed configuration',
      seeds: layouts.map(([config]) => config),
      expansion: 4096,
      async read(file) {
        for (const [, weights] of [of(file), of(file.subarray(1))]) await read(file, weights)
      },
    },
  ]
}
