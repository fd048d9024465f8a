import { fileURLToPath } from 'node:url'
import { tinyLm } from '@tersor/tiny-lm'
import { defaultClientConditions, type InlineConfig } from 'vite'

/** What the page is allowed: its own files, compiling WebAssembly, workers, and models on servers. Nothing else. */
const policy = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self' https: http://localhost:* http://127.0.0.1:*",
].join('; ')

/** What lets threads share memory. */
export const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

/**
 * How Vite builds and serves the page.
 *
 * @param model  the folder of a model in Hugging Face's layout, which is served with the page
 */
export function pageConfig(model = fileURLToPath(tinyLm)) {
  return {
    configFile: false,
    root: fileURLToPath(new URL('page', import.meta.url)),
    // A missing file is an error, not the page again.
    appType: 'mpa',
    publicDir: model,
    logLevel: 'warn',
    resolve: { conditions: ['@tersor/source', ...defaultClientConditions] },
    worker: { format: 'es' },
    build: {
      outDir: fileURLToPath(new URL('dist', import.meta.url)),
      emptyOutDir: true,
      target: 'es2022',
      // The policy allows no data: URLs.
      assetsInlineLimit: 0,
    },
    preview: { headers: { 'Content-Security-Policy': policy } as Record<string, string> },
  } satisfies InlineConfig
}
