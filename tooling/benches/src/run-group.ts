import type { Device } from '@tersor/core-tensor'
import type { KernelBench, KernelGroup, Peer, PeerName } from './kernel-bench.ts'
import type { Limit, Limits } from './limits.ts'
import { type MeasureOptions, measure, warmUp } from './measure.ts'
import { median } from './median.ts'
import { openDevice } from './open-device.ts'
import type { BenchOptions } from './options.ts'
import { relativeError } from './relative-error.ts'
import { type ResultRow, resultRow, timeKey } from './result-row.ts'
import type { Work } from './work.ts'

/** Bytes over which to rotate what must not be in a cache: far more than any last cache, and enough to show that it runs. */
const OUT_OF_CACHE = { thorough: 2 ** 28, quick: 96 * 2 ** 20 }

/** Who does the work of a kernel, on so many threads. */
interface Contender {
  readonly bench: KernelBench
  readonly by: string
  readonly threads: number
  readonly work: Work
}

/** Sets up all that do the work of a group, checks that they compute the same, and measures them in turns. */
export async function runGroup(
  group: KernelGroup,
  options: BenchOptions,
  how: MeasureOptions,
  limits: Limits,
): Promise<ResultRow[]> {
  const benches = wanted(
    group.make(options.quick ? OUT_OF_CACHE.quick : OUT_OF_CACHE.thorough),
    options.kernels,
  )
  const devices: Device[] = []
  const contenders: Contender[] = []
  try {
    const ours = await setUpOurs(benches, options, devices)
    contenders.push(...ours)
    contenders.push(...(await setUpPeers(benches, ours, options.threads)))
    await checkAlike(contenders)
    const bounds = [...new Set(ours.flatMap(contender => limitOf(contender, limits) ?? []))]
    const rounds = await measure(
      [...contenders, ...bounds].map(({ work }) => work),
      how,
    )
    const times = new Map(
      contenders.map(({ bench, by, threads }, i) => [timeKey(bench.name, by, threads), median(rounds[i]!)]),
    )
    const limitMs = (contender: Contender): number | undefined => {
      const { bytes = 0, operations = 0, limit } = contender.bench
      const bound = limitOf(contender, limits)
      if (bound === undefined) return undefined
      // What other machines of the host do slows memory and arithmetic alike, so both are those of the same turns.
      const inTurns = median(rounds[contenders.length + bounds.indexOf(bound)]!)
      return ((limit === 'read' ? bytes : operations) / bound.amount) * inTurns
    }
    return ours.map(contender => {
      const { bench, by, threads } = contender
      return resultRow(
        {
          ...{ kernel: bench.name, device: by, threads },
          ...{ bytes: bench.bytes, operations: bench.operations, float32: bench.float32 },
          peersOf: bench.peersOf ?? bench.name,
          peers: peersOf(by),
          limitMs: limitMs(contender),
        },
        times,
      )
    })
  } finally {
    for (const { work } of contenders) await work.dispose?.()
    for (const device of devices) device.dispose()
  }
}

/** What was asked for, and what that is compared with. */
function wanted(benches: readonly KernelBench[], names: readonly string[] | undefined): KernelBench[] {
  const asked = benches.filter(({ name }) => names === undefined || names.includes(name))
  const also = new Set(asked.flatMap(({ float32, peersOf }) => [float32, peersOf]))
  return benches.filter(bench => asked.includes(bench) || also.has(bench.name))
}

async function setUpOurs(
  benches: readonly KernelBench[],
  { devices: names, threads: counts }: BenchOptions,
  devices: Device[],
): Promise<Contender[]> {
  const opened = new Map<string, Device | undefined>()
  const ours: Contender[] = []
  for (const bench of benches) {
    for (const name of names) {
      for (const threads of counts) {
        const { activations = 'exact' } = bench
        const key = `${name} ${threads} ${activations}`
        if (!opened.has(key)) opened.set(key, await openDevice(name, threads, activations))
        const device = opened.get(key)
        if (device === undefined) continue
        if (!devices.includes(device)) devices.push(device)
        ours.push({ bench, by: name, threads, work: bench.ours(device) })
      }
    }
  }
  return ours
}

/** Each device is compared with what runs where it runs. */
function peersOf(device: string): PeerName[] {
  return device === 'wasm' ? ['onnxruntimeWeb'] : ['onnxruntimeNode', 'onnxruntimeNodeGqa']
}

async function setUpPeers(
  benches: readonly KernelBench[],
  ours: readonly Contender[],
  counts: readonly number[],
): Promise<Contender[]> {
  const names = new Set(ours.flatMap(({ by }) => peersOf(by)))
  const contenders: Contender[] = []
  for (const bench of benches) {
    for (const name of names) {
      const ways = bench.peers.filter(peer => peer.name === name)
      for (const threads of counts) {
        if (ways.length === 0 || (threads > 1 && ways[0]!.threads === 'one')) continue
        contenders.push({ bench, by: name, threads, work: await fastest(ways, threads) })
      }
    }
  }
  return contenders
}

/** One is open at a time: they hold hundreds of megabytes. */
async function fastest(ways: readonly Peer[], threads: number): Promise<Work> {
  let [best, least] = [ways[0]!, Infinity]
  for (const way of ways.length === 1 ? [] : ways) {
    const work = await way.open(threads)
    const time = await warmUp(work, 0)
    await work.dispose?.()
    if (time < least) [best, least] = [way, time]
  }
  return best.open(threads)
}

/** @throws {Error} where one computes something else than a peer does, or, without peers, the first of ours */
async function checkAlike(contenders: readonly Contender[]): Promise<void> {
  const results = new Map<Contender, Float32Array>()
  for (const contender of contenders) results.set(contender, await contender.work.result())
  for (const [contender, result] of results) {
    const { bench, by, threads } = contender
    const alike = contenders.filter(other => other.bench.name === (bench.peersOf ?? bench.name))
    const standard = alike.find(other => other.by.startsWith('onnxruntime')) ?? alike[0]!
    const error = relativeError(result, results.get(standard)!)
    // NaN is not within anything either.
    if (!(error <= bench.tolerance)) {
      throw new Error(
        `[bench] expected ${by} on ${threads} threads to compute the ${bench.name} of ${standard.by}, within ${bench.tolerance}, got ${error}`,
      )
    }
  }
}

function limitOf({ bench, by, threads }: Contender, limits: Limits): Limit | undefined {
  if (bench.limit === 'read') return limits.read(threads)
  if (bench.limit === undefined) return undefined
  return limits.multiplyAdd(by === 'wasm' ? '128 bits' : 'processor', threads)
}
