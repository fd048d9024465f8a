import type { Device, Tensor } from '@tersor/core-tensor'
import { softmax, topK } from '@tersor/core-tensor/reference'
import type { KernelBench, Peer } from '../kernel-bench.ts'
import { type OnnxRuntimeName, onnxWork } from '../onnx-runtime.ts'
import { normalNumbers } from '../random.ts'
import type { Work } from '../work.ts'

const COLUMNS = 65536
const K = 64

/** One row, about the logits of a large vocabulary. */
export function softmaxBench(): KernelBench {
  const x = { type: 'float32', dims: [1, COLUMNS], data: normalNumbers(COLUMNS, 4000) } as const
  const open = (runtime: OnnxRuntimeName) => (threads: number) => {
    const graph = {
      inputs: { x },
      outputs: { y: { type: 'float32', dims: x.dims } },
      nodes: [{ op: 'Softmax', inputs: ['x'], outputs: ['y'], attributes: { axis: -1n } }],
    } as const
    return onnxWork(runtime, threads, graph, { x })
  }
  const ours = (device: Device): Work => {
    const tensor = device.upload(x)
    const out = device.empty('float32', x.dims)
    const run = () => softmax(tensor, { out })
    return { calls: 1, run, result: () => Float32Array.from(run().data as Float32Array) }
  }
  return { name: `softmax-${COLUMNS}`, tolerance: 1e-5, ours, peers: bothPeers(open) }
}

/** The largest of one row, sorted. */
export function topKBench(): KernelBench {
  const x = { type: 'float32', dims: [1, COLUMNS], data: normalNumbers(COLUMNS, 4001) } as const
  // What the indices point at must be what came out: both are compared.
  const both = (values: ArrayLike<number>, indices: ArrayLike<number | bigint>) =>
    Float32Array.from([...Array.from(values), ...Array.from(indices, index => x.data[Number(index)]!)])
  const open = (runtime: OnnxRuntimeName) => (threads: number) => {
    const graph = {
      inputs: { x },
      outputs: { values: { type: 'float32', dims: [1, K] }, indices: { type: 'int64', dims: [1, K] } },
      constants: { k: { type: 'int64', dims: [1], data: BigInt64Array.of(BigInt(K)) } },
      nodes: [{ op: 'TopK', inputs: ['x', 'k'], outputs: ['values', 'indices'], attributes: { axis: -1n } }],
    } as const
    const read = ({ values, indices }: Record<string, ArrayLike<number | bigint>>) =>
      both(values as ArrayLike<number>, indices!)
    return onnxWork(runtime, threads, graph, { x }, { read })
  }
  const ours = (device: Device): Work => {
    const tensor = device.upload(x)
    const top = () => topK(tensor, { k: K })
    const dispose = ({ values, indices }: { values: Tensor; indices: Tensor }) => {
      values.dispose()
      indices.dispose()
    }
    return {
      calls: 1,
      run: () => dispose(top()),
      result() {
        const made = top()
        return both(made.values.data as Float32Array, made.indices.data as Int32Array)
      },
    }
  }
  return { name: `topk-${K}`, tolerance: 1e-6, ours, peers: bothPeers(open) }
}

function bothPeers(open: (runtime: OnnxRuntimeName) => Peer['open']): Peer[] {
  return [
    { name: 'onnxruntimeWeb', threads: 'one', open: open('onnxruntimeWeb') },
    { name: 'onnxruntimeNode', threads: 'any', open: open('onnxruntimeNode') },
  ]
}
