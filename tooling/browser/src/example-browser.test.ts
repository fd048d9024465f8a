import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Rng, Tensor } from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import { encodeSafetensors } from '@tersor/formats'
import { configFromHuggingFace, weightShapes } from '@tersor/models'
import type { Page } from 'playwright'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chromiumPath, launchOptions } from '../../../config/chromium.ts'
import { isolation, pageConfig } from '../../../examples/browser/page-config.ts'
import { browse } from './browse.ts'

const tokenizer = fileURLToPath(new URL('../../../packages/tiny-lm/model/', import.meta.url))

/** A model of random weights in the layout of @tersor/tiny-lm, with its tokenizer. */
function writeModel(folder: string): void {
  const config = {
    ...{ model_type: 'llama', num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2 },
    ...{ hidden_size: 64, intermediate_size: 96, vocab_size: 2048, max_position_embeddings: 256 },
    ...{ tie_word_embeddings: true },
  }
  const rng = new Rng(3)
  const weights = Array.from(weightShapes(configFromHuggingFace(config)), ([name, dims]) => {
    const values = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => 0.1 * rng.normal())
    return [name, cast(new Tensor('float32', values, dims), 'bfloat16')] as [string, Tensor]
  })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'model.safetensors'), encodeSafetensors(weights))
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
  for (const name of ['tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(join(tokenizer, name), join(folder, name))
}

describe.skipIf(chromiumPath === undefined)('examples/browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tersor-example-browser-'))
  const outDir = join(folder, 'dist')
  const config = pageConfig(join(folder, 'model'))

  beforeAll(async () => {
    writeModel(join(folder, 'model'))
    await build({ ...config, build: { ...config.build, outDir } })
  }, 120_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const load = async (page: Page, device: 'wasm' | 'webgpu') => {
    await page.selectOption('[name=device]', device)
    await page.click('#load button')
    await page.waitForFunction(() => !document.body.hasAttribute('aria-busy'))
  }
  const write = async (page: Page) => {
    await page.fill('[name=maxTokens]', '5')
    // The likeliest tokens, which are always the same; among those that are drawn are some without text.
    await page.fill('[name=temperature]', '0')
    await page.click('#write [type=submit]')
    await page.waitForFunction(() => !document.body.hasAttribute('aria-busy'))
  }
  const expectText = async (page: Page) => {
    expect(await page.textContent('#problem')).toBe('')
    const text = await page.textContent('#text')
    const prompt = await page.inputValue('[name=prompt]')
    expect(text!.startsWith(prompt)).toBe(true)
    expect(text!.length).toBeGreaterThan(prompt.length)
    expect(await page.textContent('#speed')).toMatch(/^[\d.]+ tokens\/s$/)
  }

  it.each([
    ['with threads where the page is isolated', 'wasm', isolation, /^wasm, [2-4] threads$/],
    ['on one thread where it is not', 'wasm', {}, /^wasm, 1 thread: the page is not cross-origin isolated$/],
    ['on WebGPU', 'webgpu', {}, /^webgpu, /],
  ] as const)('loads, compresses and writes under a strict policy, %s', async (_, name, headers, device) => {
    await browse(outDir, { ...config.preview.headers, ...headers }, async page => {
      await load(page, name)
      expect(await page.textContent('#problem')).toBe('')
      expect(await page.textContent('#device')).toMatch(device)
      const [stored, held] = await Promise.all([page.textContent('#stored'), page.textContent('#held')])
      expect(stored).toMatch(/kB$/)
      expect(Number.parseFloat(held!)).toBeLessThan(0.6 * Number.parseFloat(stored!))
      await write(page)
      await expectText(page)
    })
  })

  it('says that there is no graphics card, and goes on without', async () => {
    const launch = {
      ...launchOptions,
      args: ['--no-sandbox', '--disable-gpu', '--disable-software-rasterizer'],
    }
    await browse(
      outDir,
      config.preview.headers,
      async page => {
        await load(page, 'webgpu')
        expect(await page.textContent('#problem')).toMatch(
          /^UnsupportedError: \[webgpu\] expected .*use @tersor\/backend-wasm/s,
        )
        await load(page, 'wasm')
        await write(page)
        await expectText(page)
      },
      launch,
    )
  })

  it('says that the graphics card was lost, and goes on', async () => {
    await browse(outDir, config.preview.headers, async page => {
      await load(page, 'webgpu')
      const session = await page.context().browser()!.newBrowserCDPSession()
      await session.send('Browser.crashGpuProcess')
      await write(page)
      expect(await page.textContent('#problem')).toMatch(/^DeviceError: \[webgpu\] this device is lost/)
      await load(page, 'wasm')
      await write(page)
      await expectText(page)
    })
  })

  it('says what is wrong with a URL that leads to no model', async () => {
    await browse(outDir, config.preview.headers, async page => {
      await page.fill('[name=url]', './assets/')
      await page.click('#load button')
      await page.waitForFunction(() => document.querySelector('#problem')!.textContent !== '')
      expect(await page.textContent('#problem')).toMatch(/expected model\.safetensors\.index\.json or/)
    }).catch((error: Error) => {
      // The console counts files that are not there as errors.
      if (!/404/.test(error.message)) throw error
    })
  })
})
