import { resolve } from 'node:path'

/** A path as it was meant where the command was typed: pnpm runs scripts in the folder of their package, and says where that was. */
export function callerPath(path: string): string {
  return resolve(process.env.INIT_CWD ?? process.cwd(), path)
}
