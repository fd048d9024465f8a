import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dense, FormatError, scaled, Tensor } from '@tersor/core-tensor'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeSafetensors } from './encode-safetensors.ts'
import { mergeSafetensors } from './merge-safetensors.ts'

const entries = [
  ['c', new Tensor('uint8', [1, 2, 3], [3])],
  ['b', new Tensor('float32', [1, 2], [2])],
  ['a', dense(new Tensor('int8', [1, 2], [2]))],
  ['d', scaled(dense(new Tensor('int8', [1, 2], [1, 2])), new Tensor('float32', [3], [1]), 0)],
  ['packed', new Tensor('int4', Uint8Array.of(0x21, 3), [3])],
  ['empty', new Tensor('float32', [], [0])],
  [
    'large',
    new Tensor(
      'uint8',
      Uint8Array.from({ length: 5_000_001 }, (_, i) => i % 251),
      [5_000_001],
    ),
  ],
] as const

describe('mergeSafetensors', () => {
  let folder = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tersor-merge-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  const at = (name: string) => join(folder, name)

  /** Writes entries into files, by the number that each of them has. */
  async function files(groups: readonly number[]): Promise<string[]> {
    const paths: string[] = []
    for (const group of new Set(groups)) {
      const path = at(`${group}.safetensors`)
      await writeFile(path, encodeSafetensors(entries.filter((_, i) => groups[i] === group)))
      paths.push(path)
    }
    return paths
  }

  it('gives the bytes of encodeSafetensors, however entries are spread over files', async () => {
    const metadata = { format: 'pt', x: '1' }
    const expected = encodeSafetensors(entries, { metadata })
    const spread = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 7, maxLength: 7 })
    await fc.assert(
      fc.asyncProperty(spread, async groups => {
        const merged = await mergeSafetensors(await files(groups), at('out'), { metadata })
        expect(merged.partial).toBe(at('out.partial'))
        expect(merged.fileBytes).toBe(expected.length)
        expect(merged.sha256).toBe(createHash('sha256').update(expected).digest('hex'))
        expect(Buffer.compare(await readFile(merged.partial), expected)).toBe(0)
      }),
      { numRuns: 12, seed: 1 },
    )
  })

  it('refuses a name that occurs twice, and leaves nothing', async () => {
    await writeFile(at('1'), encodeSafetensors([entries[1]]))
    await writeFile(at('2'), encodeSafetensors([['b', dense(new Tensor('int8', [1], [1]))]]))
    for (const pair of [
      ['1', '1'],
      ['1', '2'],
      ['2', '1'],
      ['2', '2'],
    ])
      await expect(mergeSafetensors(pair.map(at), at('out'))).rejects.toThrow(FormatError)
    await expect(mergeSafetensors([at('1')], at('out'), { metadata: { tersor: '' } })).rejects.toThrow(
      FormatError,
    )
    expect(await readdir(folder)).toEqual(['1', '2'])
  })

  it('leaves nothing after an abort, and replaces what a killed run left', async () => {
    const paths = await files([0, 0, 0, 0, 0, 0, 1])
    await writeFile(at('out.partial'), 'what is longer than nothing')
    await expect(
      mergeSafetensors(paths, at('out'), { signal: AbortSignal.abort(new Error('enough')) }),
    ).rejects.toThrow('enough')
    expect((await readdir(folder)).sort()).toEqual(['0.safetensors', '1.safetensors'])
  })
})
