import { existsSync, readFileSync } from 'node:fs'
import { type DType, Tensor, toFloat32 } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { ggmlTypes } from '../ggml-types.ts'

const golden = new URL('../../../../../../shared/data/golden/ggml/', import.meta.url)
const bytesOf = (file: string) => new Uint8Array(readFileSync(new URL(file, golden)))

describe.skipIf(!existsSync(golden))('block types against ggml (golden files in ../shared/data)', () => {
  for (const { name, type, decode, blockBytes, blockElements } of ggmlTypes.values()) {
    if (!existsSync(new URL(`${name}.q.bin`, golden))) continue
    it(`decodes ${name} bit for bit`, () => {
      const stored = bytesOf(`${name}.q.bin`)
      const expected = bytesOf(`${name}.f32.bin`)
      const size = expected.length / 4
      const values = new Float32Array(size)
      if (decode === undefined) values.set(toFloat32(new Tensor(type as DType, stored, [size])))
      else {
        expect(stored.length / blockBytes).toBe(size / blockElements)
        for (let i = 0; i * blockElements < size; i++)
          decode(stored, i * blockBytes, values, i * blockElements)
      }
      expect(Buffer.compare(Buffer.from(values.buffer), Buffer.from(expected))).toBe(0)
    })
  }

  it('covers every golden type', () => {
    const types = readFileSync(new URL('index.jsonl', golden), 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line).type)
    const readable = [...ggmlTypes.values()].filter(({ type }) => type !== undefined).map(({ name }) => name)
    expect(types.filter(type => !readable.includes(type))).toEqual([])
    expect(types.length).toBeGreaterThanOrEqual(17)
  })
})
