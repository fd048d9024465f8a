// npm test [-- arguments of vitest]: installs and runs every test, documentation examples among them. Compiles the
// native kernels where there is a compiler; needs no other build.

import { compileNative, install, run } from './pnpm.mjs'

await install()
await compileNative()
const { code } = await run(['vitest', 'run', ...process.argv.slice(2)])
process.exitCode = code
