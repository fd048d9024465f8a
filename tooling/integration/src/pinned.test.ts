import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createJob, type Recipe, type Step } from '@tersor/compress'
import { fingerprint } from '@tersor/core-tensor/testing'
import { EMBEDDING, openModel } from '@tersor/models'
import { quantizeMethods } from '@tersor/quantize'
import { describe, expect, it } from 'vitest'

const path = fileURLToPath(new URL('../../../../shared/data/lm-stories260k/stories260K.bin', import.meta.url))
const present = existsSync(path)
if (!present) console.log(`skipped: the pinned bytes of a real model need ${path}`)

/** Data-free recipes, and SHA-256 of what they store of all weights: the same on every machine and engine. */
const pinned: readonly (readonly [Step, string])[] = [
  [
    { method: 'rtn', bits: 4, zero: 'integer' },
    '11a4124b45ce1a703495ef370e71de87b6e49a66fa43f47998aa2de097a9d198',
  ],
  [{ method: 'nf4' }, '8f299a9e2fd33333cf29b19c349dae8b1e8112c295e2f6a9bf7bf344c394ca9e'],
  [{ method: 'float8' }, 'adc1917bab2fa0af7c768bb28057582b2b71ddd9dc38cd07a4977bfa841819f5'],
]

describe.skipIf(!present)('stories260K', () => {
  it.each(pinned)('is written with the same bytes by $method', async (step, expected) => {
    const folder = await mkdtemp(join(tmpdir(), 'tersor-pinned-'))
    const [first, second] = [join(folder, '1.safetensors'), join(folder, '2.safetensors')]
    for (const file of [first, second]) {
      const source = await openModel(path)
      await createJob({ source, target: file, recipe: recipe(step), methods: quantizeMethods }).run()
      await source.close()
    }
    expect(await readFile(second)).toEqual(await readFile(first))
    expect(await fingerprintOf(first)).toBe(expected)
    await rm(folder, { recursive: true })
  })
})

/** The embedding and the head keep 8 bits where a method has fewer. */
function recipe(step: Step): Recipe {
  const eight = { method: 'rtn', bits: 8, zero: 'integer' }
  const delicate = step.method === 'float8' ? [] : [{ match: EMBEDDING, use: [eight] }]
  return { name: 'pinned', rules: [...delicate, { match: '*', use: [step] }] }
}

/** One hash of what all weights of a file store. */
async function fingerprintOf(path: string): Promise<string> {
  const file = await openModel(path)
  const hash = createHash('sha256')
  for (const name of [...file.names].sort())
    hash.update(`${name} ${await fingerprint(await file.load(name))}\n`)
  await file.close()
  return hash.digest('hex')
}
