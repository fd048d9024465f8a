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
import { type Hold, serveFolder } from './serve-folder.ts'

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

  const serve = async (hold: Hold) => {
    const server = await serveFolder(mini, hold)
    onTestFinished(() => server.close())
    return server
  }

  it('shows how far a model from a server is, and leaves nothing when it is stopped', async () => {
    const gate = gateAt(asked => startOf(asked) > 400_000)
    const server = await serve(gate)
    await visit(async page => {
      await load(page, server.url)
      await gate.reached
      expect(await page.textContent('#status')).toMatch(
        /^compressing: [\d.]+ kB of [\d.]+ kB, \d+ of \d+ tensors/,
      )
      const value = await page.$eval('#progress', progress => (progress as HTMLProgressElement).value)
      expect(value).toBeGreaterThan(0.2)
      expect(value).toBeLessThan(0.9)
      expect(await filesOfPage(page)).toHaveLength(1)
      await page.click('#stop')
      await idle(page)
      expect(await page.textContent('#status')).toBe('Stopped.')
      expect(await filesOfPage(page)).toEqual([])
      expect(await page.isVisible('#result')).toBe(false)

      gate.open()
      await page.click('#load [type=submit]')
      await idle(page)
      expect(await page.textContent('#problem')).toBe('')
      expect(await page.textContent('#status')).toBe('It is compressed, and ready to write.')
      expect(Number(await page.textContent('#original-bits'))).toBe(16)
      expect(Number(await page.textContent('#compressed-bits'))).toBeLessThan(9)
    })
  })

  it('goes on with a download that was stopped, keeps it, and forgets it', async () => {
    const sent = 300_000
    const gate = gateAt(asked => asked === 'model.safetensors bytes=0-')
    const server = await serve({ after: sent, until: gate.until })
    await visit(async page => {
      await page.check('[name=keep]')
      await load(page, server.url)
      await gate.reached
      await page.waitForFunction(() => document.querySelector('progress')!.value > 0.42)
      await page.click('#stop')
      await idle(page)
      const kept = await filesOfPage(page)
      expect(kept.filter(name => name.startsWith('models/model.safetensors'))).toHaveLength(1)

      gate.open()
      const before = server.asked.length
      await page.click('#load [type=submit]')
      await idle(page)
      expect(await page.textContent('#status')).toBe('It is compressed, and ready to write.')
      const again = server.asked.slice(before).filter(asked => asked.startsWith('model.safetensors'))
      expect(again).toContain(`model.safetensors bytes=${sent}-`)

      const whole = server.asked.length
      await page.click('#load [type=submit]')
      await idle(page)
      expect(await page.textContent('#status')).toBe('It is compressed, and ready to write.')
      const anew = server.asked.slice(whole).filter(asked => asked.startsWith('model.safetensors'))
      expect(new Set(anew)).toEqual(
        new Set(['model.safetensors.index.json bytes=0-0', 'model.safetensors bytes=0-0']),
      )

      await page.click('#forget')
      await idle(page)
      expect((await filesOfPage(page)).filter(name => name.startsWith('models/'))).toEqual([])
    })
  })

  it('says what is wrong with files that are no model', async () => {
    await visit(async page => {
      await drop(page, [join(mini, 'tokenizer.json')])
      await idle(page)
      expect(await page.textContent('#problem')).toMatch(
        /^FormatError: \[models\/open-model\] expected weights as safetensors, GGUF or ONNX in what was dropped/,
      )
      const buffer = Buffer.from('GGUF, it says')
      await page.setInputFiles('#drop input', { name: 'a.gguf', mimeType: '', buffer })
      await idle(page)
      expect(await page.textContent('#problem')).toMatch(/^(Format|Unsupported)Error: \[formats\//)
      expect(await filesOfPage(page)).toEqual([])
    })
  })
})

const idle = (page: Page) => page.waitForFunction(() => !document.body.hasAttribute('aria-busy'))

async function load(page: Page, url: string): Promise<void> {
  await page.fill('[name=url]', url)
  await page.click('#load [type=submit]')
}

/** Where a range begins, of what was asked of a server. */
const startOf = (asked: string) => Number(/=(\d+)-/.exec(asked)![1])

/** Lets a server wait with what matches, until it is opened. */
function gateAt(matches: (asked: string) => boolean) {
  let [reach, open] = [() => {}, () => {}]
  const reached = new Promise<void>(resolve => {
    reach = resolve
  })
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  const until = async (asked: string) => {
    if (!matches(asked)) return
    reach()
    await opened
  }
  return { until, reached, open: () => open() }
}

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
