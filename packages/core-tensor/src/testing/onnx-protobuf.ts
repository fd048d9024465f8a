import type { DType } from '../tensor/dtype.ts'
import { Tensor } from '../tensor/tensor.ts'

/** A field of a protobuf message: a number for varints and fixed words, bytes for the rest. */
type Field = readonly [number: number, value: number | Uint8Array]

/** The fields of a message; just enough of the format for the test data of ONNX. */
export function* fields(message: Uint8Array): Generator<Field> {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength)
  let at = 0
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++]!
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return Number(BigInt.asIntN(64, value))
    }
  }
  while (at < message.length) {
    const key = varint()
    switch (key & 7) {
      case 0:
        yield [key >> 3, varint()]
        break
      case 2: {
        const length = varint()
        yield [key >> 3, message.subarray(at, (at += length))]
        break
      }
      case 5:
        yield [key >> 3, view.getFloat32(at, true)]
        at += 4
        break
      default:
        throw new Error(`wire type ${key & 7}`)
    }
  }
}

/** Packed varints, each as a field's value would be read. */
function varints(packed: Uint8Array): number[] {
  const values: number[] = []
  let [value, factor] = [0, 1]
  for (const byte of packed) {
    value += (byte & 127) * factor
    factor *= 128
    if (byte < 128) {
      values.push(value)
      ;[value, factor] = [0, 1]
    }
  }
  return values
}

/** TensorProto.DataType of the dtypes that we have. */
const dtypes: Readonly<Record<number, DType>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  4: 'uint16',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  9: 'bool',
  10: 'float16',
  11: 'float64',
  12: 'uint32',
  16: 'bfloat16',
  17: 'float8e4m3fn',
  19: 'float8e5m2',
  21: 'uint4',
  22: 'int4',
}

/** A TensorProto with raw data, or with bytes as int32_data, or undefined where we lack its dtype. */
export function tensorOf(message: Uint8Array): Tensor | undefined {
  const dims: number[] = []
  let type: DType | undefined
  let raw: Uint8Array | undefined
  const small: number[] = []
  for (const [number, value] of fields(message)) {
    if (number === 1 && typeof value === 'number') dims.push(value)
    else if (number === 2) type = dtypes[value as number]
    else if (number === 9) raw = Uint8Array.from(value as Uint8Array)
    else if (number === 5) small.push(...(typeof value === 'number' ? [value] : varints(value)))
    else if (number !== 1 && number !== 8) throw new Error(`field ${number} of a tensor`)
  }
  return type && new Tensor(type, raw ?? Uint8Array.from(small), dims)
}

/** The integer attributes of the first node of a model. */
export function attributesOf(model: Uint8Array): Record<string, number> {
  const first = (message: Uint8Array, number: number) =>
    [...fields(message)].find(([n]) => n === number)?.[1] as Uint8Array
  const node = first(first(model, 7), 1)
  const attributes = [...fields(node)]
    .filter(([number]) => number === 5)
    .map(([, value]) => [...fields(value as Uint8Array)])
  return Object.fromEntries(
    attributes.map(list => {
      const get = (number: number) => list.find(([n]) => n === number)?.[1]
      return [new TextDecoder().decode(get(1) as Uint8Array), (get(3) as number | undefined) ?? 0]
    }),
  )
}
