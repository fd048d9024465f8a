// Peak resident memory while a file larger than it is compressed: 2 GiB of float32 in 64 tensors.
//
//   pnpm build && node packages/cli/bench/streaming.bench.mjs [rtn|nf4|float8 …]
//
// Bytes moved: the file is read once, the result (about a seventh of it at 4 bits) written twice.

import { spawnSync } from 'node:child_process'
import { mkdtemp, open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const TENSORS = 64
const DIMS = [4096, 2048]
const LIMIT_MIB = 400

/** A safetensors file of normal-looking weights; the same 32 MiB under every name. */
async function writeSynthetic(path) {
  const bytes = DIMS[0] * DIMS[1] * 4
  const header = {}
  for (let i = 0; i < TENSORS; i++) {
    const name = `layers.${String(i).padStart(2, '0')}.weight`
    header[name] = { dtype: 'F32', shape: DIMS, data_offsets: [i * bytes, (i + 1) * bytes] }
  }
  const json = JSON.stringify(header)
  const text = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  const weights = new Float32Array(DIMS[0] * DIMS[1])
  let state = 1
  for (let i = 0; i < weights.length; i++) {
    let sum = 0
    for (let j = 0; j < 4; j++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      sum += state / 2 ** 32 - 0.5
    }
    weights[i] = 0.05 * sum
  }
  const file = await open(path, 'w')
  await file.write(length)
  await file.write(text)
  for (let i = 0; i < TENSORS; i++) await file.write(new Uint8Array(weights.buffer))
  await file.close()
}

const child = `
import { run } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)}
const code = await run(process.argv.slice(1), { out: { write() {} }, err: process.stderr })
console.log(JSON.stringify({ code, peak: process.resourceUsage().maxRSS / 1024 }))
`

const folder = await mkdtemp(join(tmpdir(), 'tersor-streaming-'))
try {
  const source = join(folder, 'model.safetensors')
  await writeSynthetic(source)
  const gibibytes = (await stat(source)).size / 2 ** 30
  const methods = process.argv.length > 2 ? process.argv.slice(2) : ['rtn', 'nf4', 'float8']
  for (const method of methods) {
    const target = join(folder, `${method}.safetensors`)
    const begin = performance.now()
    const args = ['compress', source, '--method', method, '-o', target, '--json']
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', child, ...args], {
      encoding: 'utf8',
    })
    if (stderr) process.stderr.write(stderr)
    const { code, peak } = JSON.parse(stdout)
    const seconds = (performance.now() - begin) / 1000
    const size = code === 0 ? (await stat(target)).size / 2 ** 20 : 0
    console.log(
      `${method}: ${gibibytes.toFixed(2)} GiB to ${size.toFixed(0)} MiB in ${seconds.toFixed(0)} s ` +
        `(${((gibibytes * 1024) / seconds).toFixed(0)} MiB/s), peak resident memory ${peak.toFixed(0)} MiB of ${LIMIT_MIB} allowed`,
    )
    if (code !== 0 || peak > LIMIT_MIB) process.exitCode = 1
    await rm(target, { force: true })
  }
} finally {
  await rm(folder, { recursive: true, force: true })
}
