import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageBuild } from '../../config/tsup.ts'
import { coding } from './src/generated/coding.ts'
import { relaxed } from './src/generated/relaxed.ts'
import { simd } from './src/generated/simd.ts'
import { training } from './src/generated/training.ts'
import { trainingRelaxed } from './src/generated/training-relaxed.ts'

const dist = join(import.meta.dirname, 'dist')

const build = packageBuild(import.meta.dirname)
const { entry, dts } = build as { entry: Record<string, string>; dts: object }

export default {
  ...build,
  // Workers load a file of their own, beside the one that makes them.
  entry: { ...entry, worker: './src/worker.js' },
  dts: { ...dts, entry },
  async onSuccess() {
    mkdirSync(dist, { recursive: true })
    for (const [name, base64] of Object.entries({
      simd,
      relaxed,
      coding,
      training,
      'training-relaxed': trainingRelaxed,
    })) {
      writeFileSync(join(dist, `${name}.wasm`), Buffer.from(base64, 'base64'))
    }
  },
}
