// pnpm example verify: builds the page, serves it cross-origin isolated, and prints its address.

import { build, preview } from 'vite'
import { pageConfig } from './page-config.ts'

const config = pageConfig()
await build(config)
const server = await preview(config)
console.log(`${server.resolvedUrls!.local[0]} until Ctrl+C`)
