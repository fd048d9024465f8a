import type { PeerName } from './kernel-bench.ts'

export type RatioName = PeerName | 'limit' | 'float32' | 'oneThread'

/** What was measured of a kernel on a device; above 1 a ratio means that we are faster. */
export interface ResultRow {
  readonly kernel: string
  readonly device: string
  readonly threads: number
  /** Median milliseconds of a call. */
  readonly ms: number
  /** Canonical bytes a nanosecond. */
  readonly gbps?: number | undefined
  readonly gflops?: number | undefined
  readonly ratios: Readonly<Partial<Record<RatioName, number>>>
}

/** Medians that rows are made of: milliseconds of calls, by kernel, who ran it, and threads. */
export type Times = ReadonlyMap<string, number>

export function timeKey(kernel: string, by: string, threads: number): string {
  return `${kernel} ${by} ${threads}`
}

export interface RowOptions {
  readonly kernel: string
  readonly device: string
  readonly threads: number
  readonly bytes?: number | undefined
  readonly operations?: number | undefined
  /** The kernel whose peers these are. */
  readonly peersOf: string
  readonly peers: readonly PeerName[]
  readonly float32?: string | undefined
  /** Milliseconds that the machine needs at least. */
  readonly limitMs?: number | undefined
}

export function resultRow(options: RowOptions, times: Times): ResultRow {
  const { kernel, device, threads, bytes, operations } = options
  const ms = times.get(timeKey(kernel, device, threads))!
  const ratios: Partial<Record<RatioName, number>> = {}
  const compare = (name: RatioName, other: number | undefined) => {
    if (other !== undefined) ratios[name] = rounded(other / ms)
  }
  for (const peer of options.peers) compare(peer, times.get(timeKey(options.peersOf, peer, threads)))
  compare('limit', options.limitMs)
  if (options.float32 !== undefined) compare('float32', times.get(timeKey(options.float32, device, threads)))
  if (threads > 1) compare('oneThread', times.get(timeKey(kernel, device, 1)))
  return {
    ...{ kernel, device, threads, ms: rounded(ms) },
    gbps: bytes && rounded(bytes / ms / 1e6),
    gflops: operations && rounded(operations / ms / 1e6),
    ratios,
  }
}

/** Four digits: more is noise. */
function rounded(value: number): number {
  return Number(value.toPrecision(4))
}
