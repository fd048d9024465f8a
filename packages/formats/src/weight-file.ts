import type { DType, Tensor } from '@tersor/core-tensor'

/** What is known of a tensor before it is read. */
export interface TensorInfo {
  /** The dtype that `read` returns; undefined where `read` throws because the stored type is not supported. */
  readonly type: DType | undefined
  /** Row-major, whatever order the file has them in. */
  readonly dims: readonly number[]
  /** Bytes in the file. */
  readonly byteLength: number
}

/** What of a tensor is read. */
export interface ReadOptions {
  /** As a matrix: all axes but the last are one, so that `rows` may cut a stack of matrices anywhere. */
  flat?: boolean | undefined
  /** Only these entries of the first axis, and only their bytes. */
  rows?: readonly [start: number, end: number] | undefined
  signal?: AbortSignal | undefined
}

/** A file of named tensors that are read one at a time: what every format here opens to. */
export interface WeightFile<Info extends TensorInfo = TensorInfo> {
  readonly tensors: ReadonlyMap<string, Info>
  /**
   * Reads one tensor or some of its rows, and only their bytes.
   *
   * @throws {FormatError} when the file has no tensor of that name
   * @throws {ShapeError} when it has no such rows
   * @throws {UnsupportedError} when its stored type is not supported
   */
  read(name: string, options?: ReadOptions): Promise<Tensor>
  close(): Promise<void>
}
