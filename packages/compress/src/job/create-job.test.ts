import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeSafetensors } from '@tersor/formats'
import { configToHuggingFace, loadModel, type ModelFile, openModel } from '@tersor/models'
import { randomLlama, smallConfig } from '@tersor/models/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { toyMethods } from '../../testing/toy-methods.ts'
import { createJob } from './create-job.ts'

const recipe = {
  name: 'halves and bytes',
  rules: [
    { match: '*embed*', use: [{ method: 'half' }] },
    { match: '*', use: [{ method: 'bytes' }, { method: 'towards' }] },
  ],
}

describe('createJob', () => {
  let folder = ''
  let source: ModelFile
  const at = (...names: string[]) => join(folder, ...names)
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tersor-job-'))
    await mkdir(at('model'))
    const { weights, config } = randomLlama(smallConfig)
    await writeFile(at('model', 'model.safetensors'), encodeSafetensors(weights))
    await writeFile(at('model', 'config.json'), JSON.stringify({ ...configToHuggingFace(config), extra: 1 }))
    await writeFile(at('model', 'tokenizer.json'), '{}')
    source = await openModel(at('model'))
  })
  afterEach(async () => {
    await source.close()
    await rm(folder, { recursive: true })
  })

  it('writes a model, its configuration and its tokenizer, and says how', async () => {
    const target = at('new', 'folder', 'small.safetensors')
    const result = await createJob({ source, target, recipe, methods: toyMethods }).run()
    expect((await readdir(at('new', 'folder'))).sort()).toEqual([
      'small.manifest.json',
      'small.safetensors',
      'tokenizer.json',
    ])
    const bytes = await readFile(target)
    expect(result.fileBytes).toBe(bytes.length)
    const written = await openModel(target)
    expect(JSON.parse(written.configText!).extra).toBe(1)
    expect(written.config).toEqual(source.config)
    const manifest = JSON.parse(await readFile(at('new', 'folder', 'small.manifest.json'), 'utf8'))
    expect(manifest.file.sha256).toBe(createHash('sha256').update(bytes).digest('hex'))
    expect(manifest.tensors).toEqual(result.tensors)
    expect(manifest.methods).toEqual({ half: 1, bytes: 1, towards: 1 })
    expect(result.tensors.map(({ name }) => name)).toEqual(source.names)
    for (const { name, sha256, outcome, bytes } of result.tensors) {
      const weight = await written.load(name)
      const alone = encodeSafetensors([[name, weight]])
      expect(sha256).toBe(createHash('sha256').update(alone).digest('hex'))
      expect(outcome).toBe(weight.dims.length === 2 ? 'compressed' : 'skipped')
      expect(bytes).toBeGreaterThan(0)
    }
    await loadModel(written)
    await written.close()
  })
})
