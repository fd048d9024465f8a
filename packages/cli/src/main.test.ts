import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { workplace } from './testing/small-model.ts'

let folder = ''
beforeAll(async () => {
  folder = await workplace()
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const program = `import(${JSON.stringify(new URL('main.ts', import.meta.url).href)}).then(({ main }) => main())`
const loader = pathToFileURL(import.meta.resolve('tsx').replace('file://', '')).href

/** The command in a process of its own, which gets a signal as soon as it has said something. */
function killed(signal: NodeJS.Signals, ...args: string[]): Promise<{ code: number | null; err: string }> {
  const flags = ['--import', loader, '--conditions=@tersor/source', '--eval', program, 'tersor']
  const child = spawn(process.execPath, [...flags, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  let err = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (err === '') child.kill(signal)
    err += text
  })
  return new Promise(resolve => child.on('close', code => resolve({ code, err })))
}

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends the program with %i, in the middle of its work', async (signal, code) => {
  const out = join(folder, `${signal}.safetensors`)
  const result = await killed(signal, 'compress', join(folder, 'model'), '--method', 'gptq', '-o', out)
  expect(result.err).toMatch(new RegExp(`tokens of its own\n(drawing .+\n)*tersor: stopped by ${signal}\n$`))
  expect([result.code, existsSync(out)]).toEqual([code, false])
})
