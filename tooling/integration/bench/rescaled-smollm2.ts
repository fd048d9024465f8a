// pnpm model:rescaled: SmolLM2-135M-Instruct with rescaled channels as float16, in .models/ at the root, which git ignores.
//
// The model is at hand on a 4-bit grid only, on which rounding it again is exact and says nothing. Every figure of weight
// compression on SmolLM2 is measured on what this writes.

import { mkdir, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { decode, isEncoded, type Tensor } from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import { loadModel, openModel, rewriteModel, withRescaledChannels } from '@tersor/models'
import { smolLm2 } from '../src/testing/smollm2.ts'

const folder = fileURLToPath(new URL('../../../.models/smollm2-135m-rescaled/', import.meta.url))

await rm(folder, { recursive: true, force: true })
await mkdir(folder, { recursive: true })
const file = await openModel(smolLm2)
const rescaled = withRescaledChannels(await loadModel(file), { seed: 0, range: 0.25 })
const { fileBytes } = await rewriteModel(file, `${folder}model.safetensors`, name => {
  const weight = rescaled.weights.get(name)!
  return cast(isEncoded(weight) ? decode(weight) : (weight as Tensor), 'float16')
})
await file.close()
console.log(`${folder}model.safetensors: ${(fileBytes / 1e6).toFixed(1)} MB`)
