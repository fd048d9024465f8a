import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chromiumPath } from '../../../config/chromium.ts'
import { pageConfig } from '../../../examples/verify/page-config.ts'
import { browse } from './browse.ts'

describe.skipIf(chromiumPath === undefined)('examples/verify', () => {
  const outDir = mkdtempSync(join(tmpdir(), 'tersor-example-verify-'))
  const config = pageConfig()

  beforeAll(async () => {
    await build({ ...config, build: { ...config.build, outDir } })
  }, 120_000)
  afterAll(() => rmSync(outDir, { recursive: true, force: true }))

  it('finds that all devices agree on every kernel', async () => {
    await browse(outDir, config.preview.headers, async page => {
      await page.waitForSelector('body[data-state]', { timeout: 150_000 })
      expect(await page.locator('#progress').textContent()).toBe('')
      expect(await page.locator('tbody tr').count()).toBeGreaterThan(25)
      expect(await page.locator('.bad').allTextContents()).toEqual([])
      expect(await page.locator('.diverges').allTextContents()).toEqual([])
      expect(await page.locator('.good').count()).toBeGreaterThanOrEqual(2)
    })
  }, 180_000)
})
