import type { Device } from '@tersor/core-tensor'
import type { OnnxRuntimeName } from './onnx-runtime.ts'
import type { Work } from './work.ts'

/** What ONNX Runtime is named in results; its two ways of attention stand side by side. */
export type PeerName = OnnxRuntimeName | 'onnxruntimeNodeGqa'

/** The same work in ONNX Runtime. */
export interface Peer {
  readonly name: PeerName
  readonly threads: 'one' | 'any'
  open(threads: number): Promise<Work>
}

/** The work of one kernel: ours on a device, and that of the peers. */
export interface KernelBench {
  readonly name: string
  /** What a call cannot avoid to read, in its canonical form. */
  readonly bytes?: number | undefined
  /** A multiplication and an addition are two. */
  readonly operations?: number | undefined
  /** What the machine allows: its read bandwidth, or its multiplications and additions. */
  readonly limit?: 'read' | 'multiplyAdd' | undefined
  /** How far results may differ, as ‖a − b‖ / ‖b‖. */
  readonly tolerance: number
  /** The kernel that does the same without compression. */
  readonly float32?: string | undefined
  /** How far products may round activations: a device of its own, where there is one that does. */
  readonly activations?: 'int8' | undefined
  ours(device: Device): Work
  /** Of several that have one name the fastest counts. */
  readonly peers: readonly Peer[]
  /** The kernel of the same group whose peers these are too. */
  readonly peersOf?: string | undefined
}

/** Kernels that are measured together, taking turns. */
export interface KernelGroup {
  readonly names: readonly string[]
  /** @param outOfCache  bytes over which to rotate what must not be in a cache */
  make(outOfCache: number): readonly KernelBench[]
}
