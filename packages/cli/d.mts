import { run } from '@tersor/cli'
process.exitCode = await run(process.argv.slice(2))
