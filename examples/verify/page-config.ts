import { fileURLToPath } from 'node:url'
import { defaultClientConditions, type InlineConfig } from 'vite'

/** How Vite builds and serves the page: cross-origin isolated, so that threads may share memory. */
export function pageConfig() {
  return {
    configFile: false,
    root: fileURLToPath(new URL('page', import.meta.url)),
    appType: 'mpa',
    logLevel: 'warn',
    resolve: { conditions: ['@tersor/source', ...defaultClientConditions] },
    worker: { format: 'es' },
    build: {
      outDir: fileURLToPath(new URL('dist', import.meta.url)),
      emptyOutDir: true,
      target: 'es2022',
      assetsInlineLimit: 0,
    },
    preview: {
      headers: {
        'Content-Security-Policy':
          "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'",
        'Cross-Origin-Opener-Policy': 'same-origin',
        'Cross-Origin-Embedder-Policy': 'require-corp',
      },
    },
  } satisfies InlineConfig
}
