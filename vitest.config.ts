import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'
import { chromiumPath, isolation, launchOptions } from './config/chromium.ts'

const source = { resolve: { conditions: ['@tersor/source'], tsconfigPaths: true } }

const node = {
  ...source,
  ssr: source,
  test: {
    name: 'node',
    include: ['packages/*/src/**/*.test.ts', 'tooling/**/src/**/*.test.ts'],
    // These read the built packages, with a configuration of their own.
    exclude: ['**/node_modules/**', 'tooling/bundlers/**'],
    testTimeout: 60_000,
  },
}

/** The same files in Chromium: what every device must do there too. */
const browser = {
  ...source,
  server: { headers: isolation },
  // For Node only, and imported there only.
  optimizeDeps: { exclude: ['webgpu'] },
  test: {
    name: 'chromium',
    include: [
      'packages/backend-wasm/src/conformance{,-relaxed,-threads}.test.ts',
      'packages/backend-webgpu/src/*.test.ts',
      'packages/backend-wasm/src/{coding,training}.test.ts',
      'packages/{codec,distill}/src/conformance-wasm.test.ts',
    ],
    testTimeout: 60_000,
    // One page after the other: a kernel with threads wants all processors.
    fileParallelism: false,
    browser: {
      enabled: true,
      provider: playwright({ launchOptions }),
      headless: true,
      screenshotFailures: false,
      instances: [{ browser: 'chromium' as const }],
    },
  },
}

export default defineConfig({
  test: { projects: chromiumPath === undefined ? [node] : [node, browser] },
})
