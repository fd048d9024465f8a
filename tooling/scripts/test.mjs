// npm test [-- arguments of vitest]: installs and runs every test, documentation examples among them. Needs no build.

import { install, run } from './pnpm.mjs'

await install()
const { code } = await run(['vitest', 'run', ...process.argv.slice(2)])
process.exitCode = code
