import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What the compiled part offers; it checks whatever it is given. */
export interface Addon {
  /** 0, or why it could not: see {@link NativePrimitives}. */
  run(table: number, primitive: number, threads: number, ...rest: readonly unknown[]): number
  /** The names of the primitives, in the order of the numbers that `run` takes. */
  primitives(): string[]
  packedBytes(
    rows: number,
    columns: number,
    bits: number,
    group: number,
    scaleType: number,
    shiftKind: number,
  ): number
  /** The instruction sets that it has for this processor, the best first. */
  tableNames(): string[]
  /** How far the address of some bytes is past a multiple of `alignment`. */
  misalignment(bytes: Uint8Array, alignment: number): number
  /** Lets the system hold whole pages of 2 MiB among these bytes as such: walks through them then miss fewer translations. */
  offerLargePages(bytes: Uint8Array): void
  /** See {@link NativeLimits}. */
  readMemory(bytes: Uint8Array, threads: number): number
  multiplyAdd(times: number, threads: number): number
}

const require = /* @__PURE__ */ createRequire(import.meta.url)

let loaded: Addon | undefined
let problem: unknown

/** The compiled part for this platform, or nothing where there is none; it is loaded once. */
export function loadAddon(): Addon | undefined {
  if (loaded !== undefined || problem !== undefined) return loaded
  try {
    loaded = require(addonPath()) as Addon
  } catch (error) {
    problem = error
  }
  return loaded
}

/** Why {@link loadAddon} gave nothing. */
export function addonProblem(): string {
  return problem instanceof Error ? problem.message.split('\n')[0]! : String(problem)
}

/** What the build script made beside this package where the platform has no package of its own, else that package's file. */
export function addonPath(): string {
  const built = fileURLToPath(new URL('../build/tersor.node', import.meta.url))
  if (existsSync(built)) return built
  const manifest = require.resolve(`@tersor/backend-native-${process.platform}-${process.arch}/package.json`)
  return join(dirname(manifest), 'tersor.node')
}
