#!/usr/bin/env node

const { main } = await import('../dist/index.js').catch(error => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
  console.error(
    `tersor: a part of it is missing (${error.message}); in the workspace, run \`pnpm build\` first`,
  )
  process.exit(1)
})
await main()
