import { expect, test } from 'vitest'
import type { OnnxGraph } from './onnx-model.ts'
import { onnxWork } from './onnx-runtime.ts'

const graph: OnnxGraph = {
  inputs: { x: { type: 'float32', dims: [1, 2] } },
  outputs: { y: { type: 'float32', dims: [1, 2] } },
  constants: { w: { type: 'float32', dims: [2, 2], data: Float32Array.of(1, 2, 3, 4) } },
  nodes: [{ op: 'Gemm', inputs: ['x', 'w'], outputs: ['y'], attributes: { transB: 1n, alpha: 0.5 } }],
}

test.each(['onnxruntimeNode', 'onnxruntimeWeb'] as const)('%s runs the graph', async name => {
  const x = { type: 'float32', dims: [1, 2], data: Float32Array.of(1, 10) } as const
  const work = await onnxWork(name, 1, graph, { x })
  // (1, 10) · (1, 2) / 2 and (1, 10) · (3, 4) / 2
  expect(await work.result()).toEqual(Float32Array.of(10.5, 21.5))
  await work.dispose?.()
})
