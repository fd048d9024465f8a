import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['@tersor/source'] },
  ssr: { resolve: { conditions: ['@tersor/source'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'tooling/*/src/**/*.test.ts'],
    testTimeout: 60_000,
  },
})
