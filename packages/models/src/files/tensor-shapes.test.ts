import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openSafetensors } from '@tersor/formats'
import { describe, expect, it } from 'vitest'
import { configFromHuggingFace } from '../architectures/read-config.ts'
import { Golden, hasGoldens } from '../testing/golden.ts'
import { safetensorsTensors } from './file-tensors.ts'
import { namesIn } from './model-roles.ts'
import { tensorShapes } from './quantization.ts'

/** Whole tensors, fused ones (phi-3, gpt-neox, falcon) and transposed ones (gpt2). */
const FOLDERS = ['llama-3.2', 'qwen3', 'gemma3', 'phi-3', 'gpt2', 'gpt-neox', 'phi-2', 'falcon', 'bloom']

describe.skipIf(!hasGoldens)('the shapes of tensors by a configuration (need ../shared/data)', () => {
  it.each(FOLDERS)('are those of the file: %s', async name => {
    const { folder } = new Golden(name)
    const file = await openSafetensors(readFileSync(join(folder, 'model.safetensors')))
    const config = configFromHuggingFace(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')))
    const plain = safetensorsTensors(file, [])
    const shapes = [...tensorShapes(config, namesIn(config, 'huggingFace', plain))]
    const there = shapes.filter(([tensor]) => file.tensors.has(tensor))
    expect(there.length).toBeGreaterThan(shapes.length / 2)
    for (const [tensor, dims] of there)
      expect({ tensor, dims }).toEqual({ tensor, dims: file.tensors.get(tensor)!.dims })
  })
})
