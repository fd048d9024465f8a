import { DeviceError, ShapeError, type Tensor } from '@tersor/core-tensor'
import type { PrimitiveName, Primitives } from '@tersor/core-tensor/host'
import type { Addon } from './addon.ts'

/** In the order of the compiled table: how many outputs, inputs and scalars each takes. */
const signatures: Readonly<
  Record<PrimitiveName, readonly [outputs: number, inputs: number, scalars: number]>
> = {
  gemm: [1, 2, 8],
  convert: [1, 1, 3],
  unary: [1, 1, 2],
  binary: [1, 2, 7],
  softmax: [1, 1, 2],
  rmsNorm: [1, 2, 3],
  rotate: [1, 3, 7],
  reduce: [1, 1, 4],
  topK: [2, 1, 3],
  transpose: [1, 1, 4],
  hadamard: [1, 2, 3],
  attention: [2, 8, 13],
  pack: [1, 3, 6],
  unpack: [3, 1, 8],
  linearPacked: [1, 3, 10],
  linearDense: [1, 2, 5],
  linearTwoOfFour: [1, 3, 5],
  unpackBits: [1, 1, 4],
  ransDecode: [2, 3, 6],
  segmentAttention: [1, 4, 7],
  attentionBackward: [3, 6, 7],
  rmsNormBackward: [2, 4, 4],
  swiglu: [1, 2, 1],
  swigluBackward: [3, 3, 1],
  crossEntropy: [2, 3, 2],
}

const indices = /* @__PURE__ */ new Map(
  /* @__PURE__ */ Object.keys(signatures).map((name, i) => [name as PrimitiveName, i]),
)

/** Scalars follow the tensors in what the addon answers. */
const FIRST_SCALAR = 100

/** The primitives of one instruction set on a number of threads. */
export class NativePrimitives implements Primitives {
  readonly #addon: Addon
  readonly #table: number
  readonly #threads: number

  constructor(addon: Addon, table: number, threads: number) {
    this.#addon = addon
    this.#table = table
    this.#threads = threads
  }

  run(
    name: PrimitiveName,
    outputs: readonly (Tensor | undefined)[],
    inputs: readonly (Tensor | undefined)[],
    scalars: readonly number[],
  ): void {
    const [outputCount, inputCount, scalarCount] = signatures[name]
    const args: unknown[] = [this.#table, indices.get(name)!, this.#threads]
    pushTensors(args, outputs, outputCount)
    pushTensors(args, inputs, inputCount)
    for (let i = 0; i < scalarCount; i++) args.push(scalars[i] ?? 0)
    const answer = this.#addon.run(...(args as [number, number, number]))
    if (answer !== 0) throw refusal(name, answer, outputs, inputs, outputCount, scalars)
  }

  has(name: PrimitiveName): boolean {
    return indices.has(name)
  }

  packedBytes(
    rows: number,
    columns: number,
    bits: number,
    group: number,
    scaleType: number,
    shiftKind: number,
  ): number {
    return this.#addon.packedBytes(rows, columns, bits, group, scaleType, shiftKind)
  }
}

function pushTensors(args: unknown[], tensors: readonly (Tensor | undefined)[], count: number): void {
  for (let i = 0; i < count; i++) {
    const tensor = tensors[i]
    if (tensor === undefined) args.push(undefined, 0)
    else args.push(tensor.memory.bytes(), tensor.byteOffset)
  }
}

function refusal(
  name: PrimitiveName,
  answer: number,
  outputs: readonly (Tensor | undefined)[],
  inputs: readonly (Tensor | undefined)[],
  outputCount: number,
  scalars: readonly number[],
): Error {
  if (answer < 0) {
    return new DeviceError(
      `[native/${name}] expected memory for intermediate results, got none from the system; free tensors or use smaller ones`,
    )
  }
  if (answer >= FIRST_SCALAR) {
    const at = answer - FIRST_SCALAR
    return new ShapeError(
      `[native/${name}] expected a scalar ${at} that fits the others, got ${scalars[at]} among ${scalars.join(', ')}`,
    )
  }
  const at = answer - 1
  const tensor = at < outputCount ? outputs[at] : inputs[at - outputCount]
  const which = at < outputCount ? `output ${at}` : `input ${at - outputCount}`
  return new ShapeError(
    `[native/${name}] expected ${which} to be as large as the sizes say, got ${tensor === undefined ? 'none' : `${tensor.byteLength} bytes`} for ${scalars.join(', ')}`,
  )
}
