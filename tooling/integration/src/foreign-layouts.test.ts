import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createJob } from '@tersor/compress'
import { decode, isEncoded, toFloat32 } from '@tersor/core-tensor'
import { openSafetensors } from '@tersor/formats'
import { loadModel, openModel } from '@tersor/models'
import { quantizeMethods } from '@tersor/quantize'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../../../shared/data/golden/checkpoint-layouts', import.meta.url))
const present = existsSync(root)
if (!present) console.log(`skipped: checkpoints that other programs quantized are read from ${root}`)
const layouts = present
  ? readdirSync(root).filter(name => existsSync(join(root, name, 'model.safetensors')))
  : []

const recipe = { name: 'rtn', rules: [{ match: '*.q_proj.weight', use: [{ method: 'rtn' }] }] }

describe.skipIf(!present)('what another program quantized', () => {
  it.each(layouts)(
    'opens in its own bits, and is compressed again only where that is meant: %s',
    async layout => {
      const file = await openModel(join(root, layout))
      expect(file.unread).toBeUndefined()
      const { quantization_config: own = {} } = JSON.parse(
        readFileSync(join(root, layout, 'config.json'), 'utf8'),
      )
      expect(file.quantizedBy).toBe(own.quant_method ?? 'mlx')
      const quantized = file.names.filter(name => file.info(name).compressed !== undefined)
      expect(quantized.length).toBeGreaterThan(0)
      for (const name of quantized) {
        const loaded = await file.load(name)
        expect(isEncoded(loaded)).toBe(true)
        // The books of additive quantization take more than weights as few as these.
        const numbers = toFloat32(decode(loaded as never)).length
        if (layout !== 'aqlm-2x8') expect(file.info(name).byteLength).toBeLessThan(4 * numbers)
      }
      const target = join(tmpdir(), `never-written-${layout}.safetensors`)
      const dry = await createJob({
        source: file,
        target,
        recipe: { ...recipe, rules: [] },
        methods: quantizeMethods,
      }).dryRun()
      expect(dry.problems.map(({ message }) => message).join()).toContain('expected an uncompressed model')
      await file.close()
    },
  )

  it.each(layouts)('is refused by name without the configuration that says how: %s', async layout => {
    const folder = await mkdtemp(join(tmpdir(), 'tersor-foreign-'))
    await symlink(join(root, layout, 'model.safetensors'), join(folder, 'model.safetensors'))
    const source = await openModel(folder)
    const target = join(folder, 'out', 'small.safetensors')
    const job = createJob({
      source,
      target,
      recipe: { ...recipe, rules: [] },
      methods: quantizeMethods,
      requantize: true,
    })
    await expect(job.run()).rejects.toThrow(/expected a checkpoint that is quantized in a way that is known/)
    await source.close()
    expect(await readdir(folder)).toEqual(['model.safetensors'])
    await rm(folder, { recursive: true })
  })

  it.each(['modelopt-fp8', 'modelopt-nvfp4'])('runs as a whole model: %s', async layout => {
    const folder = join(root, layout)
    const model = await loadModel(folder)
    const expected = await openSafetensors(readFileSync(join(folder, 'expected.safetensors')))
    const query = model.weights.get('layers.0.attention.query')!
    const truth = await expected.read('model.layers.0.self_attn.q_proj.weight')
    expect(toFloat32(isEncoded(query) ? decode(query) : query)).toEqual(truth.data)
    const { logits } = await model.forward(Int32Array.of(1, 2, 3), {
      cache: model.createCache(),
      logits: 'all',
    })
    expect((logits!.data as Float32Array).every(Number.isFinite)).toBe(true)
    model.dispose()
  })

  it.each(['modelopt-fp8', 'modelopt-nvfp4'])('is compressed again where that is meant: %s', async layout => {
    const folder = await mkdtemp(join(tmpdir(), 'tersor-foreign-'))
    const source = await openModel(join(root, layout))
    const target = join(folder, 'small.safetensors')
    const again = { name: 'rtn', rules: [{ match: 'layers.*', use: [{ method: 'rtn', bits: 8 }] }] }
    const job = createJob({ source, target, recipe: again, methods: quantizeMethods, requantize: true })
    const { tensors } = await job.run()
    await source.close()
    const query = tensors.find(({ name }) => name === 'layers.0.attention.query')
    expect(query).toMatchObject({ outcome: 'compressed', against: layout.slice('modelopt-'.length) })
    const written = await openModel(target)
    expect(written.quantizedBy).toBeUndefined()
    await written.close()
    await rm(folder, { recursive: true })
  })
})
