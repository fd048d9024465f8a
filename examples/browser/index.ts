// pnpm example browser [folder of a model] [--shared]: builds the page and serves it, with the model beside it.
//
// Without `--shared` the page is cross-origin isolated, so that the WebAssembly device may use threads; with it,
// as on servers whose headers one cannot set, it runs on one thread.

import { resolve } from 'node:path'
import { build, preview } from 'vite'
import { isolation, pageConfig } from './page-config.ts'

const [folder] = process.argv.slice(2).filter(argument => !argument.startsWith('--'))
const config = pageConfig(folder === undefined ? undefined : resolve(folder))
await build(config)
if (!process.argv.includes('--shared')) Object.assign(config.preview.headers, isolation)
const server = await preview(config)
console.log(`The page is at ${server.resolvedUrls?.local[0]}; Ctrl-C ends it`)
