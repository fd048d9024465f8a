import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FileError, isEncoded, Tensor } from '@tersor/core-tensor'
import { openSafetensors, openSafetensorsIndex, type SafetensorsFile } from '@tersor/formats'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { architectureRows } from '../testing/architecture-rows.ts'
import { Golden, hasGoldens } from '../testing/golden.ts'
import { loadModel } from './load-model.ts'
import { openModel } from './open-model.ts'
import { rewriteModel } from './rewrite-model.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-rewrite-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Tensors that are functions of those in the file, or quantized: written under their roles. */
const APART = new Map([
  ['qwen3.5', /linear_attn\.A_log$/],
  ['gpt-oss-mxfp4', /experts\..*_(blocks|scales)$/],
])

describe.skipIf(!hasGoldens)('rewriteModel', () => {
  it.each(architectureRows)('gives back the tensors of $folder bit for bit', async ({ folder: name }) => {
    const golden = new Golden(name)
    const source = await openModel(golden.folder)
    const target = join(folder, name, 'model.safetensors')
    await (await import('node:fs/promises')).mkdir(join(folder, name))
    await rewriteModel(source, target, () => undefined)
    const [before, after] = [await openStored(golden.folder, golden), await openSafetensors(target)]
    for (const tensor of before.tensors.keys()) {
      if (APART.get(name)?.test(tensor) || !after.tensors.has(tensor)) {
        expect(APART.get(name)?.test(tensor) || source.unclaimed.length === 0, tensor).toBe(true)
        continue
      }
      const [old, now] = [await before.read(tensor), await after.read(tensor)]
      expect(now.type, tensor).toBe(old.type)
      expect(now.data, tensor).toEqual(old.data)
    }
    const isMissing = [...before.tensors.keys()].filter(tensor => !after.tensors.has(tensor))
    expect(isMissing.filter(tensor => !APART.get(name)?.test(tensor) && !IGNORED.test(tensor))).toEqual([])
    const model = await loadModel(target)
    expect(model.config).toEqual(source.config)
    await Promise.all([before.close(), after.close(), source.close()])
  })

  it('writes a GGUF with the rows of Hugging Face, and what was replaced', async () => {
    const golden = new Golden('llama-3.2')
    const source = await openModel(golden.path('model.gguf'))
    const target = join(folder, 'from-gguf.safetensors')
    await rewriteModel(source, target, (name, weight) =>
      name === 'norm' && !isEncoded(weight)
        ? new Tensor('float32', new Float32Array(weight.size), weight.dims)
        : undefined,
    )
    const [written, original] = [
      await openSafetensors(target),
      await openSafetensors(golden.path('model.safetensors')),
    ]
    const query = 'model.layers.0.self_attn.q_proj.weight'
    expect((await written.read(query)).data).toEqual((await original.read(query)).data)
    expect((await written.read('model.norm.weight')).data.every(value => value === 0)).toBe(true)
    await Promise.all([written.close(), original.close(), source.close()])
  })

  it('replaces nothing that is there', async () => {
    const source = await openModel(new Golden('llama-3.2').folder)
    const target = join(folder, 'there.safetensors')
    await writeFile(target, 'mine')
    await expect(rewriteModel(source, target, () => undefined)).rejects.toThrow(FileError)
    expect(await readFile(target, 'utf8')).toBe('mine')
    await source.close()
  })
})

/** Masks that are stored as tensors. */
const IGNORED = /attn\.bias$/

function openStored(path: string, golden: Golden): Promise<SafetensorsFile> {
  const index = 'model.safetensors.index.json'
  return golden.has(index)
    ? openSafetensorsIndex(join(path, index))
    : openSafetensors(join(path, 'model.safetensors'))
}
