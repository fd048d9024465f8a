import type { Device } from '@tersor/core-tensor'
import { matmul } from '@tersor/core-tensor/reference'
import type { KernelBench, Peer } from '../kernel-bench.ts'
import { type OnnxRuntimeName, onnxWork } from '../onnx-runtime.ts'
import { normalNumbers } from '../random.ts'
import type { Work } from '../work.ts'

/** a (m, k) times b (k, n), in the peers with a constant b, which they may reorder beforehand. */
export function matmulF32(name: string, m: number, k: number, n: number): KernelBench {
  const a = { type: 'float32', dims: [m, k], data: normalNumbers(m * k, 3000) } as const
  const b = { type: 'float32', dims: [k, n], data: normalNumbers(k * n, 3001) } as const
  const open = (runtime: OnnxRuntimeName) => (threads: number) => {
    const graph = {
      inputs: { a },
      outputs: { c: { type: 'float32', dims: [m, n] } },
      constants: { b },
      nodes: [{ op: 'MatMul', inputs: ['a', 'b'], outputs: ['c'] }],
    } as const
    return onnxWork(runtime, threads, graph, { a })
  }
  const peers: Peer[] = [
    { name: 'onnxruntimeWeb', threads: 'one', open: open('onnxruntimeWeb') },
    { name: 'onnxruntimeNode', threads: 'any', open: open('onnxruntimeNode') },
  ]
  const ours = (device: Device): Work => {
    const x = device.upload(a)
    const y = device.upload(b)
    const out = device.empty('float32', [m, n])
    const run = () => matmul(x, y, { out })
    return { calls: 1, run, result: () => Float32Array.from(run().data as Float32Array) }
  }
  return { name, operations: 2 * m * k * n, limit: 'multiplyAdd', tolerance: 1e-5, ours, peers }
}
