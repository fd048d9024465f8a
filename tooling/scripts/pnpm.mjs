// Running tools with nothing installed but Node and npm.

import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const windows = process.platform === 'win32'

const env = {
  ...process.env,
  // The workspace's own tools first, so that they need no prefix.
  PATH: [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter),
  TURBO_TELEMETRY_DISABLED: '1',
  TURBO_NO_UPDATE_NOTIFIER: '1',
}

/**
 * The beginning of a pnpm command line: the pnpm at hand if it has the version that the workspace
 * asks for, else one that npx brings.
 */
export const pnpm = (() => {
  const version = packageManager.split('@')[1].split('+')[0]
  const found = spawnSync('pnpm', ['--version'], { encoding: 'utf8', shell: windows, cwd: root })
  return found.status === 0 && found.stdout.trim() === version
    ? ['pnpm']
    : ['npx', '--yes', `pnpm@${version}`]
})()

/**
 * Runs a command line and waits for it.
 *
 * @param {string[]} command
 * @param {{ cwd?: string, quiet?: boolean }} options  quiet: print what it wrote only if it fails
 * @returns {Promise<{ code: number, output: string }>} the exit code, and what a quiet command wrote
 */
export function run(command, { cwd = root, quiet = false } = {}) {
  const [file, ...args] = windows ? command.map(quote) : command
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd,
      env,
      shell: windows,
      stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit',
    })
    const chunks = []
    child.stdout?.on('data', chunk => chunks.push(chunk))
    child.stderr?.on('data', chunk => chunks.push(chunk))
    child.on('error', reject)
    child.on('close', (status, signal) => {
      const output = Buffer.concat(chunks).toString()
      const code = status ?? 128 + (constants.signals[signal] ?? 0)
      if (quiet && code !== 0) process.stderr.write(`${output}\n${command.join(' ')} ended with ${code}\n`)
      resolve({ code, output })
    })
  })
}

/** Runs a command line; ends this process with its exit code if it fails. */
export async function runOrExit(command, options) {
  const { code, output } = await run(command, options)
  if (code !== 0) process.exit(code)
  return output
}

/**
 * Brings the dependencies to what the lockfile says.
 *
 * @param {string[]} only  pnpm's selectors of packages; all without
 */
export function install(only = []) {
  const filters = only.flatMap(selector => ['--filter', selector])
  return runOrExit([...pnpm, 'install', '--frozen-lockfile', ...filters], { quiet: true })
}

/** Compiles the native kernels, or says that there is no compiler and that they are skipped. */
export function compileNative() {
  return runOrExit(['node', 'packages/backend-native/scripts/build.mjs'])
}

/** @param {string} argument */
function quote(argument) {
  return /^[\w./:@=+-]+$/.test(argument) ? argument : `"${argument.replaceAll('"', '""')}"`
}
