import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { byteLength, decode, Rng, Tensor, TersorError, toFloat32 } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { encodeSafetensors } from '../safetensors/encode-safetensors.ts'
import { openSafetensors } from '../safetensors/open-safetensors.ts'
import { quantizedWeights } from './quantized-weights.ts'

const FOLDER = new URL('../../../../../shared/data/golden/checkpoint-layouts/', import.meta.url)
const folders = existsSync(FOLDER)
  ? readdirSync(FOLDER, { withFileTypes: true })
      .filter(entry => entry.isDirectory() && entry.name !== 'make')
      .map(({ name }) => name)
  : []

describe.skipIf(folders.length === 0)('checkpoints that other programs quantized (needs shared/data)', () => {
  it('are all there', () => expect(folders).toHaveLength(75))

  it.each(folders)('%s decodes to the numbers of its own library', async name => {
    const open = (file: string) =>
      openSafetensors(readFileSync(new URL(`${name}/${file}.safetensors`, FOLDER)))
    const [file, expected] = [await open('model'), await open('expected')]
    const config = JSON.parse(readFileSync(new URL(`${name}/config.json`, FOLDER), 'utf8'))
    const found = quantizedWeights(file, config, { dimsOf: each => expected.tensors.get(each)?.dims })!
    for (const [tensor, { dims }] of expected.tensors) {
      const truth = toFloat32(await expected.read(tensor))
      const weight = found.weights.get(name === 'mxfp4-gpt-oss' ? `${tensor}_blocks` : tensor)
      if (weight === undefined) {
        // What no layout claims is a plain tensor, such as a bias.
        expect(toFloat32(await file.read(tensor))).toEqual(truth)
        continue
      }
      const loaded = await weight.load()
      const isStack = name === 'mxfp4-gpt-oss'
      expect(loaded.dims).toEqual(isStack ? [dims[0], dims[2], dims[1]] : dims)
      expect(weight.dims).toEqual(loaded.dims)
      const numbers = toFloat32(decode(loaded))
      expect(numbers).toHaveLength(truth.length)
      const [, rows, columns] = dims as [number, number, number]
      const at = (i: number) => {
        if (!isStack) return i
        const [expert, inside] = [Math.floor(i / (rows * columns)), i % (rows * columns)]
        return expert * rows * columns + (inside % columns) * rows + Math.floor(inside / columns)
      }
      const wrong = truth.findIndex((value, i) => !Object.is(value, numbers[at(i)]!))
      expect({ tensor, wrong, value: numbers[at(wrong)] }).toEqual({ tensor, wrong: -1, value: undefined })
      expect(byteLength(loaded)).toBeGreaterThan(0)
    }
    const plain = [...file.tensors.keys()].filter(each => !found.tensors.has(each))
    expect(
      plain.filter(
        each => !/\.bias$|_bias$|norm\.weight$|^lm_head\.weight$|embed_tokens\.weight$/.test(each),
      ),
    ).toEqual([])
  })

  it.each(folders)('%s, mutated, gives numbers of its shape or a typed error', async name => {
    const rng = new Rng(folders.indexOf(name))
    const file = await openSafetensors(readFileSync(new URL(`${name}/model.safetensors`, FOLDER)))
    const config = readFileSync(new URL(`${name}/config.json`, FOLDER), 'utf8')
    const names = [...file.tensors.keys()].filter(each => file.tensors.get(each)!.type !== undefined)
    for (let round = 0; round < 12; round++) {
      const entries: [string, Tensor][] = []
      for (const each of names) {
        const tensor = await file.read(each)
        if (rng.integer(8) === 0) continue
        entries.push([each, rng.integer(5) === 0 ? mutated(tensor, rng) : tensor])
      }
      const odd = [0, -1, 3, 2.5, 1e12, null, 'x', []]
      const json = JSON.parse(config, (_, value) =>
        Object(value) !== value && rng.integer(12) === 0 ? odd[rng.integer(odd.length)] : value,
      )
      const settle = async () => {
        const found = quantizedWeights(await openSafetensors(encodeSafetensors(entries)), json)
        for (const weight of found?.weights.values() ?? []) {
          const loaded = await weight.load()
          expect(decode(loaded).dims).toEqual(loaded.dims)
        }
      }
      await settle().catch(error => {
        if (!(error instanceof TersorError)) throw error
      })
    }
  })
})

/** Another dtype, another shape, or other bytes. */
function mutated(tensor: Tensor, rng: Rng): Tensor {
  const { data, dims, type } = tensor
  const bytes = new Uint8Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength))
  const way = rng.integer(3)
  if (way === 0) return new Tensor('uint8', bytes, [bytes.length])
  if (way === 1) return new Tensor(type, bytes, [...dims].reverse())
  for (let i = 0; i < 8; i++) bytes[rng.integer(Math.max(1, bytes.length))] = rng.integer(256)
  return new Tensor(type, bytes, dims)
}
