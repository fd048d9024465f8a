import { join } from 'node:path'
import { defineConfig } from 'tsup'
import { entriesOf } from './entries.ts'

/**
 * The build of every package: one ESM file per entry of its `exports`, shared code in chunks, types beside.
 *
 * Source maps point at `src`, which is published too, so they need not carry a copy of it. Types of
 * other packages are read from their `dist`, so that the bundled declarations name packages, not files.
 */
export function packageBuild(directory: string) {
  return defineConfig({
    entry: entriesOf(directory),
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    external: [/^node:/, 'vitest'],
    splitting: true,
    clean: true,
    sourcemap: true,
    tsconfig: join(directory, 'tsconfig.json'),
    dts: { compilerOptions: { ignoreDeprecations: '6.0', customConditions: [], paths: {} } },
    esbuildOptions(options) {
      options.sourcesContent = false
    },
  })
}
