import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readTextFile } from './text-file.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-text-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function read(bytes: Uint8Array): Promise<string> {
  const path = join(folder, 'text.txt')
  await writeFile(path, bytes)
  return readTextFile(path)
}

describe('readTextFile', () => {
  it('gives any text back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme' }), async text => {
        expect(await read(new TextEncoder().encode(`\ufeff${text}\ufffd`))).toBe(`\ufeff${text}\ufffd`)
      }),
      { seed: 1, numRuns: 50 },
    )
  })

  it.each([
    ['latin-1', Uint8Array.of(0x63, 0x61, 0x66, 0xe9, 0x21), 3],
    ['a text that is cut inside a character', Uint8Array.of(0x61, 0xc3), 1],
    ['a surrogate', Uint8Array.of(0x61, 0x62, 0xed, 0xa0, 0x80), 2],
    ['UTF-16', Uint8Array.of(0xff, 0xfe, 0x61, 0), 0],
    ['UTF-16, the other way round', Uint8Array.of(0xfe, 0xff, 0, 0x61), 0],
  ])('refuses %s, naming the byte', async (name, bytes, at) => {
    await expect(read(bytes)).rejects.toThrow(
      `got a byte that is none at ${at}; ${name.startsWith('UTF-16') ? 'it looks like UTF-16: ' : ''}save it as UTF-8`,
    )
  })
})
