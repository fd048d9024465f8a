import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as esbuild from 'esbuild'
import * as vite from 'vite'
import webpack from 'webpack'

const here = fileURLToPath(new URL('.', import.meta.url))
const page = join(here, 'page.ts')

/** Each bundles the page into a folder with an index.html; nothing is configured that the packages do not ask for. */
export const bundlers: Record<string, (folder: string) => Promise<void>> = {
  async vite(folder) {
    const root = join(here, '..')
    const logLevel = 'error'
    const build = { outDir: folder, emptyOutDir: true, target: 'esnext' } as const
    await vite.build({ root, logLevel, build, configFile: false, worker: { format: 'es' } })
  },

  async esbuild(folder) {
    await esbuild.build({
      absWorkingDir: here,
      // esbuild does not follow the URLs of workers, so the worker of the threads is an entry of its own.
      entryPoints: { page: './page.ts', worker: '@tersor/backend-wasm/worker.js' },
      outdir: folder,
      bundle: true,
      minify: true,
      format: 'esm',
      logLevel: 'error',
    })
    await writeFile(join(folder, 'index.html'), html)
  },

  async webpack(folder) {
    // webpack reads JavaScript; what a user would set up for TypeScript is not the question here.
    const script = join(folder, 'page-source.js')
    const { code } = await esbuild.transform(await readFile(page, 'utf8'), { loader: 'ts' })
    await writeFile(script, code)
    const stats = await new Promise<webpack.Stats>((resolve, reject) => {
      webpack(
        {
          mode: 'production',
          context: here,
          entry: { page: script },
          output: { path: folder },
          resolve: { modules: [join(here, '..', 'node_modules'), 'node_modules'] },
        },
        (error, result) => (error ? reject(error) : resolve(result!)),
      )
    })
    if (stats.hasErrors()) throw new Error(stats.toString('errors-only'))
    await writeFile(join(folder, 'index.html'), html)
  },
}

const html =
  '<!doctype html><html lang="en"><title>Page</title><body><script type="module" src="page.js"></script></body></html>\n'
