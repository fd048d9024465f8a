import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

/** Not a module that types are known of: a script. */
const script: {
  modules: Record<string, unknown>
  compile(name: string): Promise<Uint8Array>
  generated(name: string, bytes: Uint8Array): string
} = await import(new URL('../scripts/build-wasm.mjs', import.meta.url).href)

describe('generated modules', () => {
  it.each(Object.keys(script.modules))(
    '%s is what its source compiles to',
    async name => {
      const committed = readFileSync(new URL(`./generated/${name}.ts`, import.meta.url), 'utf8')
      const fresh = script.generated(name, await script.compile(name))
      // Not toBe: the difference of two such lines helps nobody.
      expect(fresh === committed, 'run `pnpm --filter @tersor/backend-wasm build:wasm`').toBe(true)
    },
    180_000,
  )
})
