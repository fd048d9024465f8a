import type { KernelBench, Peer } from '../kernel-bench.ts'
import type { OnnxConstant, OnnxNode } from '../onnx-model.ts'
import { type OnnxRuntimeName, onnxWork } from '../onnx-runtime.ts'
import { normalNumbers } from '../random.ts'
import { chain } from './linear4.ts'

const SIZE = 4096
const BYTES = 4 * SIZE * SIZE

/** A product with each of enough weights that none is in a cache when it is used again. */
export function linearF32OneRow(outOfCache: number): KernelBench {
  const weights = Array.from({ length: Math.max(2, Math.ceil(outOfCache / BYTES)) }, (_, i) => {
    const weight = normalNumbers(SIZE * SIZE, 2000 + i)
    return weight.map(value => value / Math.sqrt(SIZE))
  })
  const input = normalNumbers(SIZE, 2100)
  const dims = [SIZE, SIZE]
  return {
    name: 'linear-f32-1',
    bytes: BYTES,
    limit: 'read',
    tolerance: 1e-4,
    ours: device =>
      chain(
        device,
        1,
        input,
        weights.map(data => device.upload({ type: 'float32', dims, data })),
      ),
    peers: peers(input, weights),
  }
}

/** Gemm with the weight as it is stored, and MatMul with its transpose. */
function peers(input: Float32Array, weights: readonly Float32Array<ArrayBuffer>[]): Peer[] {
  const open = (name: OnnxRuntimeName, op: 'Gemm' | 'MatMul') => (threads: number) => {
    const constants: Record<string, OnnxConstant> = {}
    const nodes = weights.map((weight, i): OnnxNode => {
      const data = op === 'Gemm' ? weight : transposed(weight)
      constants[`w${i}`] = { type: 'float32', dims: [SIZE, SIZE], data }
      const attributes = op === 'Gemm' ? { transB: 1n } : {}
      return { op, inputs: [`y${i}`, `w${i}`], outputs: [`y${i + 1}`], attributes }
    })
    const value = { type: 'float32', dims: [1, SIZE] } as const
    const graph = { inputs: { y0: value }, outputs: { [`y${weights.length}`]: value }, constants, nodes }
    return onnxWork(name, threads, graph, { y0: { ...value, data: input } }, { calls: weights.length })
  }
  return (['MatMul', 'Gemm'] as const).flatMap((op): Peer[] => [
    { name: 'onnxruntimeWeb', threads: 'one', open: open('onnxruntimeWeb', op) },
    { name: 'onnxruntimeNode', threads: 'any', open: open('onnxruntimeNode', op) },
  ])
}

/** In blocks that fit the first cache. */
function transposed(weight: Float32Array): Float32Array<ArrayBuffer> {
  const result = new Float32Array(weight.length)
  const block = 32
  for (let top = 0; top < SIZE; top += block) {
    for (let left = 0; left < SIZE; left += block) {
      for (let row = top; row < top + block; row++) {
        for (let column = left; column < left + block; column++)
          result[column * SIZE + row] = weight[row * SIZE + column]!
      }
    }
  }
  return result
}
