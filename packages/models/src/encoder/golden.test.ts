import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reference } from '@tersor/core-tensor'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadEncoder, openModel, rewriteModel } from '../index.ts'
import {
  describeEncoderOn,
  distance,
  encoderExpectation,
  encoderFolders,
  Golden,
  hasGoldens,
} from '../testing/index.ts'

for (const folder of encoderFolders) describeEncoderOn(folder, () => reference)

describe.skipIf(!hasGoldens)('rewriteModel', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tersor-encoder-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const rows = encoderFolders.flatMap(name => [[name, 'safetensors'] as const, [name, 'gguf'] as const])
  it.each(rows)('carries %s of %s whole', async (name, kind) => {
    const file = await openModel(new Golden(name).source(kind))
    const target = join(folder, name, kind, 'model.safetensors')
    await mkdir(join(folder, name, kind), { recursive: true })
    await rewriteModel(file, target, () => undefined)
    await file.close()
    const { texts, last } = await encoderExpectation(name)
    const states = await (await loadEncoder(target)).forward(texts)
    expect(distance(states.data as Float32Array, last)).toBeLessThan(1e-4)
  })

  it('takes along how an encoder pools', async () => {
    const source = join(folder, 'source')
    await cp(new Golden('minilm-bert').folder, source, { recursive: true })
    const type = (name: string) => `sentence_transformers.models.${name}`
    const modules = [{ type: type('Transformer') }, { type: type('Pooling'), path: '1_Pooling' }]
    await writeFile(join(source, 'modules.json'), JSON.stringify(modules))
    await mkdir(join(source, '1_Pooling'))
    await writeFile(join(source, '1_Pooling', 'config.json'), '{"pooling_mode_max_tokens":true}')
    const file = await openModel(source)
    await mkdir(join(folder, 'max'))
    await rewriteModel(file, join(folder, 'max', 'model.safetensors'), () => undefined)
    await file.close()
    const { pooling } = (await loadEncoder(join(folder, 'max'))).config
    expect(pooling).toEqual({ kind: 'max', normalize: false })
  })
})
