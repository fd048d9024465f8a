#!/usr/bin/env node

// A reader that has seen enough, such as `head`, closes the pipe; that is no error.
process.stdout.on('error', error => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

const { Interruption, run, STOPPING } = await import('../dist/index.js').catch(error => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
  console.error(
    `tersor: a part of it is missing (${error.message}); in the workspace, run \`pnpm build\` first`,
  )
  process.exit(1)
})

// The first signal ends a command in an orderly way, the second one at once.
const stop = new AbortController()
for (const signal of STOPPING) process.once(signal, () => stop.abort(new Interruption(signal)))
process.exitCode = await run(process.argv.slice(2), undefined, { signal: stop.signal })
