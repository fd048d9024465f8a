/** The work of a kernel, set up on one device or in one peer. */
export interface Work {
  /** How often a run does the work; the time of a call is that of a run divided by this. */
  readonly calls: number
  run(): unknown
  /** What the work computes, to be compared with what the others compute. */
  result(): Float32Array | Promise<Float32Array>
  /** Frees what the device does not free with itself. */
  dispose?: (() => unknown) | undefined
}
