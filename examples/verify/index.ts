// pnpm example verify: builds the page, serves it cross-origin isolated, and prints its address.

import { build, preview } from 'vite'
import { pageConfig } from './page-config.ts'

const config = pageConfig()
await build(config)
const server = await preview(config)
console.log(`The page is at ${server.resolvedUrls?.local[0]}; Ctrl-C ends it`)
