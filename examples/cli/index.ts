// The command line from a program: makes a model, compresses it with a recipe, and checks the file against its manifest.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '@tersor/cli'
import { Rng, sizeOf, Tensor } from '@tersor/core-tensor'
import { createSafetensorsWriter } from '@tersor/formats'
import { configFromHuggingFace, configText, weightShapes } from '@tersor/models'

const config = configFromHuggingFace({
  model_type: 'llama',
  max_position_embeddings: 2048,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  hidden_size: 64,
  intermediate_size: 128,
  vocab_size: 256,
  tie_word_embeddings: true,
})
const folder = await mkdtemp(join(tmpdir(), 'tersor-'))
const [original, compressed] = [join(folder, 'model.safetensors'), join(folder, 'small.safetensors')]
try {
  const rng = new Rng(1)
  const writer = await createSafetensorsWriter(original)
  for (const [name, dims] of weightShapes(config)) {
    const values = Float32Array.from({ length: sizeOf(dims) }, () => rng.normal())
    await writer.write(name, new Tensor('float32', values, dims))
  }
  await writer.finish({ config: configText(config) })

  // A recipe is data: of several rules that match, the first counts.
  const recipe = {
    name: 'embedding in 8 bits, the rest in NF4',
    rules: [
      { match: 'embedding.tokens', use: [{ method: 'rtn', bits: 8 }] },
      { match: '*', use: [{ method: 'nf4' }] },
    ],
  }
  await writeFile(join(folder, 'recipe.json'), JSON.stringify(recipe))
  await run(['compress', original, '--recipe', join(folder, 'recipe.json'), '-o', compressed])
  process.exitCode = await run(['verify', compressed])
} finally {
  await rm(folder, { recursive: true })
}
