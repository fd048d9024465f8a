import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FormatError } from '@tersor/core-tensor'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openModel } from './open-model.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-onnx-model-'))
})
afterAll(() => rm(folder, { recursive: true }))

const text = (value: string) => [...new TextEncoder().encode(value)]
const field = (tag: number, bytes: readonly number[]) => [tag, bytes.length, ...bytes]

/** A graph with an initializer w, [[1], [2]] in float32, and one n of strings; or with w in the file `location`. */
function model(location?: string): Uint8Array {
  const shape = [0x08, 2, 0x08, 1, 0x10, 1, ...field(0x42, text('w'))]
  const elements = [0, 0, 128, 63, 0, 0, 0, 64]
  const outside = field(0x6a, [...field(0x0a, text('location')), ...field(0x12, text(location ?? ''))])
  const w = [...shape, ...(location === undefined ? field(0x4a, elements) : [...outside, 0x70, 1])]
  const n = [0x08, 1, 0x10, 8, ...field(0x42, text('n')), ...field(0x32, text('abc'))]
  return Uint8Array.from([
    0x08,
    10,
    ...field(0x3a, [...field(0x2a, w), ...field(0x2a, n)]),
    0x42,
    2,
    0x10,
    21,
  ])
}

describe('openModel of ONNX', () => {
  it('has the weights under their names, and says what the graph is', async () => {
    const path = join(folder, 'model.onnx')
    await writeFile(path, model())
    const file = await openModel(path)
    expect(file.names).toEqual(['w', 'n'])
    expect(file.config).toBeUndefined()
    expect(file.graph?.opsets).toEqual(new Map([['ai.onnx', 21]]))
    expect(file.info('w')).toEqual({ type: 'float32', dims: [2, 1], byteLength: 8 })
    expect(file.info('n')).toEqual({ type: undefined, dims: [1], byteLength: 3, spelled: 'string' })
    expect(await file.load('w')).toMatchObject({ dims: [2, 1], data: Float32Array.of(1, 2) })
    expect(file.fileBytes).toBe(model().length)
    expect(() => file.info('v')).toThrow(FormatError)
    await file.close()
  })

  it('counts the files beside it that hold weights, where they are there', async () => {
    const path = join(folder, 'outside.onnx')
    await writeFile(path, model('outside.data'))
    const alone = await openModel(path)
    expect(alone.files).toEqual([path])
    await expect(alone.load('w')).rejects.toThrow('expected the file "outside.data"')
    await alone.close()
    await writeFile(join(folder, 'outside.data'), model().slice(0, 8))
    const file = await openModel(path)
    expect(file.files).toEqual([path, join(folder, 'outside.data')])
    expect(file.fileBytes).toBe(model('outside.data').length + 8)
    await file.close()
  })
})
