import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { byteLength, decode, toFloat32 } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
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
})
