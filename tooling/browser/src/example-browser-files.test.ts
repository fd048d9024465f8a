import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decode, isEncoded } from '@tersor/core-tensor'
import { WeightError, weightSnr } from '@tersor/eval'
import { loadWeight, openSafetensors, weightNames } from '@tersor/formats'
import { openModel } from '@tersor/models'
import { tinyLmMini } from '@tersor/tiny-lm'
import type { Page } from 'playwright'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { chromiumPath } from '../../../config/chromium.ts'
import { pageConfig } from '../../../examples/browser/page-config.ts'
import { browse } from './browse.ts'

const mini = fileURLToPath(tinyLmMini)
const stories = fileURLToPath(new URL('../../../../shared/data/lm-stories260k/', import.meta.url))

/** Decibels that each matrix keeps in 4 bits with steps of its own for each group; 3 bits keep less. */
const FOUR_BITS = 17

describe.skipIf(chromiumPath === undefined)('examples/browser with files', () => {
  const outDir = mkdtempSync(join(tmpdir(), 'tersor-example-files-'))
  const config = pageConfig()

  beforeAll(async () => {
    await build({ ...config, build: { ...config.build, outDir } })
  }, 120_000)
  afterAll(() => rmSync(outDir, { recursive: true, force: true }))

  const visit = <T>(run: (page: Page) => Promise<T>) =>
    browse(outDir, config.preview.headers, async page => run(page))

  it.each([
    ['safetensors', mini, ['model.safetensors', 'config.json', 'tokenizer.json', 'tokenizer_config.json']],
    ['a checkpoint of llama2.c', stories, ['stories260K.bin', 'tok512.bin']],
  ])(
    'compresses %s that is dropped, compares it with the original, and hands it back',
    async (_, folder, names) => {
      if (!existsSync(folder)) return console.warn(`skipped: no ${folder}`)
      const paths = names.map(name => join(folder, name))
      const { bytes, said } = await visit(async page => {
        await drop(page, paths)
        await idle(page)
        expect(await page.textContent('#problem')).toBe('')
        expect(await page.textContent('#where')).toBe('the private files of this page')
        expect(await filesOfPage(page)).toHaveLength(1)
        await page.fill('[name=prompt]', 'Once upon a time there was a little girl. She had a dog and a cat.')
        await page.click('#compare')
        await idle(page)
        expect(await page.textContent('#problem')).toBe('')
        const said = {
          snr: Number.parseFloat((await page.textContent('#snr'))!),
          before: Number(await page.textContent('#original-perplexity')),
          after: Number(await page.textContent('#compressed-perplexity')),
        }
        const download = page.waitForEvent('download')
        await page.click('#downloads a[download="model.safetensors"]')
        return { said, bytes: await readFile(await (await download).path()) }
      })

      const original = await openModel(names[0] === 'model.safetensors' ? folder : paths[0]!)
      onTestFinished(() => original.close())
      const small = await openSafetensors(bytes)
      const stored = original.names.map(name => original.storedName(name))
      expect(weightNames(small).toSorted()).toEqual(stored.toSorted())
      expect(bytes.length).toBeLessThan(0.6 * original.fileBytes)
      const all = new WeightError()
      for (const name of original.names) {
        const weight = await original.load(name)
        if (isEncoded(weight)) throw new Error('these weights are plain tensors')
        const again = await loadWeight(small, original.storedName(name))
        const snr = weightSnr(weight, decode(again))
        expect(snr).toBeGreaterThan(FOUR_BITS)
        expect(snr === Infinity).toBe(weight.dims.length === 1)
        all.add(weight, again)
      }
      expect(said.snr).toBeCloseTo(all.snr, 1)
      expect(said.before).toBeGreaterThan(1)
      expect(Math.abs(Math.log(said.after / said.before))).toBeLessThan(0.5)
      expect(said.after).not.toBe(said.before)
    },
  )
})

const idle = (page: Page) => page.waitForFunction(() => !document.body.hasAttribute('aria-busy'))

/** Drops files as a user does, with a real `DataTransfer`. */
async function drop(page: Page, paths: readonly string[]): Promise<void> {
  const files = await Promise.all(
    paths.map(async path => ({ name: basename(path), base64: (await readFile(path)).toString('base64') })),
  )
  const dataTransfer = await page.evaluateHandle(files => {
    const transfer = new DataTransfer()
    for (const { name, base64 } of files)
      transfer.items.add(new File([Uint8Array.from(atob(base64), c => c.charCodeAt(0))], name))
    return transfer
  }, files)
  await page.dispatchEvent('#drop', 'drop', { dataTransfer })
}

/** The names of all private files of a page. */
function filesOfPage(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const found: string[] = []
    const folders = [await navigator.storage.getDirectory()]
    for (const folder of folders) {
      for await (const entry of folder.values()) {
        if (entry.kind === 'directory') folders.push(entry)
        else found.push(`${folder.name}/${entry.name}`)
      }
    }
    return found
  })
}
