import { defineConfig } from 'vitest/config'

// Bundlers read what is published, the built packages, and so does the test: `pnpm check` runs it after the build.
export default defineConfig({ test: { root: import.meta.dirname, testTimeout: 300_000 } })
