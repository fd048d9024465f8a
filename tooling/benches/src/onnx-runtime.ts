import type { InferenceSession, Tensor } from 'onnxruntime-node'
import { type OnnxGraph, onnxModel } from './onnx-model.ts'
import type { Work } from './work.ts'

type Runtime = Pick<typeof import('onnxruntime-node'), 'InferenceSession' | 'Tensor'>

export type OnnxRuntimeName = 'onnxruntimeWeb' | 'onnxruntimeNode'

export interface Feed {
  readonly type: 'float32' | 'int32' | 'int64'
  readonly dims: readonly number[]
  readonly data: Float32Array | Int32Array | BigInt64Array
}

export interface OnnxWorkOptions {
  /** How often one run does the work. */
  readonly calls?: number | undefined
  /** The outputs that are asked for; all without. */
  readonly outputs?: readonly string[] | undefined
  /** What is compared with ours; the first output without. */
  readonly read?: ((outputs: Record<string, ArrayLike<number | bigint>>) => Float32Array) | undefined
}

/** A graph in ONNX Runtime, run as programs run it: typed arrays in, typed arrays out. */
export async function onnxWork(
  name: OnnxRuntimeName,
  threads: number,
  graph: OnnxGraph,
  feeds: Readonly<Record<string, Feed>>,
  options: OnnxWorkOptions = {},
): Promise<Work> {
  const { InferenceSession, Tensor } = await runtimes[name]()
  const session: InferenceSession = await InferenceSession.create(onnxModel(graph), {
    executionProviders: [name === 'onnxruntimeWeb' ? 'wasm' : 'cpu'],
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    interOpNumThreads: 1,
    intraOpNumThreads: threads,
    // Errors; warnings are about shapes that it cannot infer.
    logSeverityLevel: 3,
  })
  const inputs: Record<string, Tensor> = {}
  for (const [input, { type, dims, data }] of Object.entries(feeds))
    inputs[input] = new Tensor(type as 'float32', data as Float32Array, dims)
  const { calls = 1, outputs = Object.keys(graph.outputs) } = options
  return {
    calls,
    run: () => session.run(inputs, outputs),
    async result() {
      const made = await session.run(inputs, outputs)
      const data = Object.fromEntries(outputs.map(output => [output, made[output]!.data]))
      const read = options.read ?? (() => data[outputs[0]!])
      return Float32Array.from(read(data as Record<string, ArrayLike<number>>) as Float32Array)
    },
    dispose: () => session.release(),
  }
}

/** Loaded when a bench first asks for it, so that other runs need neither. */
const runtimes: Record<OnnxRuntimeName, () => Promise<Runtime>> = {
  onnxruntimeNode: async () => {
    const runtime = await import('onnxruntime-node')
    return runtime.default ?? runtime
  },
  onnxruntimeWeb: async () => {
    const runtime = await import('onnxruntime-web')
    // One thread is what it can do in Node.
    runtime.env.wasm.numThreads = 1
    return runtime as unknown as Runtime
  },
}
