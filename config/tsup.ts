import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'tsup'

/**
 * The build of every package: one ESM file per entry of its `exports`, shared code in chunks, types beside.
 *
 * Source maps point at `src`, which is published too, so they need not carry a copy of it. Types of
 * other packages are read from their `dist`, so that the bundled declarations name packages, not files.
 */
export function packageBuild(directory: string) {
  const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  const entry: Record<string, string> = {}
  for (const target of Object.values<Record<string, string> | string>(manifest.exports)) {
    if (typeof target === 'string') continue
    const source = target['@tersor/source']!
    entry[source.replace('./src/', '').replace('.ts', '')] = source
  }
  return defineConfig({
    entry,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    external: [/^node:/, 'vitest'],
    splitting: true,
    clean: true,
    sourcemap: true,
    tsconfig: join(directory, 'tsconfig.json'),
    dts: { compilerOptions: { ignoreDeprecations: '6.0', customConditions: [] } },
    esbuildOptions(options) {
      options.sourcesContent = false
    },
  })
}
