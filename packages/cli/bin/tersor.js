#!/usr/bin/env node

// A reader that has seen enough, such as `head`, closes the pipe; that is no error.
process.stdout.on('error', error => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

const { run } = await import('../dist/index.js').catch(error => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
  console.error(
    `tersor: a part of it is missing (${error.message}); in the workspace, run \`pnpm build\` first`,
  )
  process.exit(1)
})
process.exitCode = await run(process.argv.slice(2))
