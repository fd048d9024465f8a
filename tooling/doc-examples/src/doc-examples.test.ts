import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, it, vi } from 'vitest'
import { namesInScope } from './exported-names.ts'
import { type Example, findExamples } from './find-examples.ts'
import { toModule } from './to-module.ts'
import { typeCheck } from './type-check.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const generated = join(import.meta.dirname, '..', '.generated')

const examples = findExamples(root)
const fileOf = ({ file, line }: Example) => join(generated, `${file.replaceAll(/[/.]/g, '-')}-${line}.ts`)

mkdirSync(generated, { recursive: true })
const current = new Set(examples.map(example => basename(fileOf(example))))
for (const old of readdirSync(generated)) if (!current.has(old)) rmSync(join(generated, old))

const errors = new Map<Example, unknown>()
for (const example of examples) {
  try {
    const text = toModule(example, namesInScope(root, example.file), '../src/expect-value.ts')
    const file = fileOf(example)
    if (!existsSync(file) || readFileSync(file, 'utf8') !== text) writeFileSync(file, text)
  } catch (error) {
    errors.set(example, error)
  }
}

describe('documentation examples', () => {
  const home = process.cwd()
  const temporary = mkdtempSync(join(tmpdir(), 'tersor-examples-'))

  beforeAll(() => {
    process.chdir(temporary)
    vi.spyOn(console, 'log').mockImplementation(() => {})
  })

  afterAll(() => {
    process.chdir(home)
    rmSync(temporary, { recursive: true, force: true })
  })

  for (const example of examples) {
    it(`${example.file}:${example.line}`, async () => {
      if (errors.has(example)) throw errors.get(example)
      await import(/* @vite-ignore */ fileOf(example))
    })
  }

  it('are well typed', () => {
    const sound = examples.filter(example => !errors.has(example))
    const modules = new Map(sound.map(example => [fileOf(example), example.file]))
    const problems = typeCheck(root, modules)
    if (problems.length > 0) throw new Error(problems.join('\n\n'))
  })
})
