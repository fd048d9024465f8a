import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createJob } from '@tersor/compress'
import { openModel } from '@tersor/models'
import { quantizeMethods } from '@tersor/quantize'
import { tinyLmMini } from '@tersor/tiny-lm'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../../../shared/data/golden/checkpoint-layouts', import.meta.url))
const present = existsSync(root)
if (!present) console.log(`skipped: checkpoints that other programs quantized are read from ${root}`)
const layouts = present
  ? readdirSync(root).filter(name => existsSync(join(root, name, 'model.safetensors')))
  : []

/** What a configuration or the names of tensors say of who quantized a layout, by the beginning of its folder's name. */
const writers: Readonly<Record<string, RegExp>> = {
  aqlm: /aqlm/,
  awq: /awq/,
  bitnet: /bitnet|fp8 or compressed-tensors/,
  bnb: /bitsandbytes/,
  ct: /compressed-tensors/,
  fbgemm: /fp8/,
  fp8: /fp8/,
  gptq: /gptq/,
  hqq: /hqq/,
  mlx: /mlx/,
  modelopt: /modelopt|fp8 or compressed-tensors/,
  mxfp4: /mxfp4/,
  quanto: /quanto/,
  torchao: /torchao/,
}

describe.skipIf(!present)('what another program quantized', () => {
  const recipe = { name: 'rtn', rules: [{ match: '*', use: [{ method: 'rtn' }] }] }

  it.each(layouts)('is refused by its name: %s', async layout => {
    const folder = await mkdtemp(join(tmpdir(), 'tersor-foreign-'))
    await symlink(join(root, layout, 'model.safetensors'), join(folder, 'model.safetensors'))
    const mini = await openModel(tinyLmMini)
    const own = JSON.parse(readFileSync(join(root, layout, 'config.json'), 'utf8'))
    const whole = JSON.stringify({ ...own, ...JSON.parse(mini.configText!) })
    await mini.close()
    for (const config of [undefined, whole]) {
      if (config !== undefined) await writeFile(join(folder, 'config.json'), config)
      const source = await openModel(folder)
      const target = join(folder, 'out', 'small.safetensors')
      const job = createJob({ source, target, recipe, methods: quantizeMethods, requantize: true })
      await expect(job.run()).rejects.toThrow(/quantized already \((.+)\)/)
      const [problem] = (await job.dryRun()).problems
      expect(problem!.message).toMatch(writers[layout.split('-')[0]!]!)
      await source.close()
      expect(await readdir(folder)).not.toContain('out')
    }
    await rm(folder, { recursive: true })
  })
})
