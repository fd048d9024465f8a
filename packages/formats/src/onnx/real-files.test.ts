import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { fromBinary } from '@bufbuild/protobuf'
import { FormatError } from '@tersor/core-tensor'
import { ModelProtoSchema, type TensorProto } from 'onnx-buf'
import { describe, expect, it } from 'vitest'
import { openOnnx } from './open-onnx.ts'

const shared = fileURLToPath(new URL('../../../../../shared/data/', import.meta.url))

/** Files with the numbers of their tensors and nodes. */
const files = [
  ['magika-standard-v3/model.onnx', 36, 95],
  ['onnx-bidi-lstm-golden/model.onnx', 19, 27],
  ['vad-silero/silero_vad_16k_op15.onnx', 177, 350],
  ['audio-basic-pitch/nmp.onnx', 102, 248],
  ['vision-ultraface-rfb320/version-RFB-320.onnx', 275, 242],
  ['vision-mnist-cnn/opt-mnist.onnx', 7, 8],
] as const

describe.skipIf(!existsSync(shared))('ONNX models (in ../shared/data)', () => {
  it.each(files)(
    '%s: has every tensor that the library of protocol buffers reads',
    async (name, count, nodes) => {
      const model = fromBinary(ModelProtoSchema, new Uint8Array(readFileSync(shared + name)))
      const expected = messagesIn(model, 'onnx.TensorProto').map(tensor => plain(tensor as TensorProto))
      const file = await openOnnx(shared + name)
      const read: string[] = []
      for (const name of file.tensors.keys()) {
        const { dims, data } = await file.read(name)
        read.push(`[${dims}] ${hex(data)}`)
      }
      expect(read.sort()).toEqual(expected.sort())
      expect(read).toHaveLength(count)
      expect(messagesIn(model, 'onnx.NodeProto')).toHaveLength(nodes)
      expect([...file.graph.operators.values()].reduce((a, b) => a + b, 0)).toBe(nodes)
      await file.close()
    },
  )

  it('opens the tests of quantization of ONNX', async () => {
    const folder = `${shared}golden-onnx-quant/`
    const tests = readdirSync(folder).filter(name => name.startsWith('test_'))
    expect(tests.length).toBeGreaterThan(90)
    for (const test of tests) {
      const file = await openOnnx(`${folder}${test}/model.onnx`)
      expect(file.graph.operators.size, test).toBe(1)
      expect(file.graph.inputs.length, test).toBeGreaterThan(0)
      await file.close()
    }
  })

  it('says of other files that they are no ONNX models', async () => {
    for (const name of [
      'text-tinyshakespeare/input.txt',
      'lm-stories260k/stories260K.bin',
      'img-kodak/kodim03.png',
    ])
      await expect(openOnnx(shared + name), name).rejects.toThrow(FormatError)
  })
})

/** All messages of a type, however deep in another they are. */
function messagesIn(value: unknown, type: string): object[] {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return []
  const own = '$typeName' in value && value.$typeName === type ? [value] : []
  return [...own, ...Object.values(value).flatMap(inner => messagesIn(inner, type))]
}

/** A tensor of the types that these files have, as text. */
function plain({ dims, rawData, floatData, int64Data, int32Data }: TensorProto): string {
  const data = [
    rawData,
    Float32Array.from(floatData),
    BigInt64Array.from(int64Data),
    Int32Array.from(int32Data),
  ]
  return `[${dims}] ${hex(data.find(({ length }) => length > 0) ?? rawData)}`
}

function hex({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('hex')
}
