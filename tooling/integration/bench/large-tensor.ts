/**
 * What commands hold of a tensor that is larger than they may hold, and how fast they go: it is compressed, the result is verified,
 * and compressed again. `pnpm bench:large-tensor`, or with other megabytes and another method, `pnpm bench:large-tensor 200 nf4`.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, open, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { Rng } from '@tersor/core-tensor'
import { build } from 'esbuild'

const MB = 1e6
const COLUMNS = 4096
/** What is written at a time. */
const PIECE_ROWS = 512
/** Between looks at the memory of the command, which the system counts the most of. */
const LOOK_MS = 200

const [megabytes = '2300', method = 'rtn'] = process.argv.slice(2)
const rows = Math.round((Number(megabytes) * MB) / (2 * COLUMNS))
const folder = await mkdtemp(join(tmpdir(), 'tersor-large-'))
try {
  const source = join(folder, 'large.safetensors')
  const target = join(folder, 'small.safetensors')
  await writeLarge(source)
  const script = await builtCommand()
  await measure(script, source, ['compress', source, '--method', method, '-o', target])
  await measure(script, target, ['verify', target])
  const again = join(folder, 'smaller.safetensors')
  await measure(script, target, ['compress', target, '--method', method, '--requantize', '-o', again])
  console.log(`${method}: ${await megabytesOf(source)} MB to ${await megabytesOf(target)} MB`)
} finally {
  await rm(folder, { recursive: true })
}

/** A file with one tensor of bfloat16, about normal, all of it different. */
async function writeLarge(path: string): Promise<void> {
  const bytes = 2 * rows * COLUMNS
  const json = JSON.stringify({
    'model.large.weight': { dtype: 'BF16', shape: [rows, COLUMNS], data_offsets: [0, bytes] },
  })
  const header = new TextEncoder().encode(json.padEnd(Math.ceil(json.length / 8) * 8))
  const length = new Uint8Array(8)
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true)
  await using file = await open(path, 'w')
  await file.writeFile(length)
  await file.writeFile(header)
  const rng = new Rng(1)
  const normal = Float32Array.from({ length: PIECE_ROWS * COLUMNS }, () => 0.02 * rng.normal())
  const upper = Uint16Array.from(new Uint32Array(normal.buffer), bits => bits >>> 16)
  for (let row = 0; row < rows; row += PIECE_ROWS) {
    // The same numbers with other last bits and signs.
    const change = rng.integer(2 ** 15) & 0x8007
    const piece = upper.map(bits => bits ^ change).subarray(0, Math.min(PIECE_ROWS, rows - row) * COLUMNS)
    await file.writeFile(new Uint8Array(piece.buffer, 0, piece.byteLength))
  }
}

async function megabytesOf(path: string): Promise<string> {
  return ((await stat(path)).size / MB).toFixed(0)
}

/** `tersor` as it is built, in one file. */
async function builtCommand(): Promise<string> {
  const script = join(folder, 'tersor.mjs')
  const main = fileURLToPath(new URL('../../../packages/cli/src/main.ts', import.meta.url))
  await build({
    stdin: { contents: `import { main } from ${JSON.stringify(main)}\nawait main()`, resolveDir: folder },
    ...{ outfile: script, bundle: true, format: 'esm', platform: 'node', target: 'es2022' },
    ...{ conditions: ['@tersor/source'], external: ['*.node'], logLevel: 'error' },
  })
  return script
}

/** Runs a command, and prints the most bytes of memory that it held, and how much of a file it took a second. */
async function measure(script: string, file: string, args: readonly string[]): Promise<void> {
  const start = performance.now()
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'ignore', 'inherit'] })
  let peak = 0
  const look = setInterval(async () => {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '')
    peak = Math.max(peak, 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0))
  }, LOOK_MS)
  const code = await new Promise<number | null>(done => child.on('exit', done))
  clearInterval(look)
  if (code !== 0) throw new Error(`tersor ${args[0]} ended with ${code}`)
  const seconds = (performance.now() - start) / 1000
  const read = (await stat(file)).size / MB
  console.log(
    `${args[0]}: ${read.toFixed(0)} MB in ${seconds.toFixed(0)} s, ${(read / seconds).toFixed(0)} MB/s; ` +
      `at most ${(peak / MB).toFixed(0)} MB of memory`,
  )
}
