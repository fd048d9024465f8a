import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { workplace } from '../testing/small-model.ts'
import { failure, json, tersor } from '../testing/tersor.ts'

let folder = ''
beforeAll(async () => {
  folder = await workplace()
})
afterAll(() => rm(folder, { recursive: true, force: true }))
const at = (...names: string[]) => join(folder, ...names)

describe('tersor verify', () => {
  it('finds a model as it was written, and a byte that is not', async () => {
    const path = at('small.safetensors')
    const { tensors } = await json('compress', at('model'), '--method', 'rtn', '-o', path)
    expect((await tersor('verify', path)).out).toBe(
      `${path}: ${tensors.length} tensors as they were written\n`,
    )
    const bytes = await readFile(path)
    bytes[bytes.length - 1]! ^= 1
    await writeFile(path, bytes)
    const { code, out } = await tersor('verify', path, '--json')
    expect(code).toBe(1)
    const { error, problems, tensors: checked } = JSON.parse(out)
    expect(error).toMatchObject({ code: 'DIFFERS', message: expect.stringContaining('other bytes') })
    expect(problems).toHaveLength(1)
    expect(checked.filter((tensor: { problem?: string }) => tensor.problem !== undefined)).toHaveLength(1)
  })

  it('needs a manifest', async () => {
    const result = await failure('verify', at('model', 'model.safetensors'))
    expect(result).toMatchObject({
      code: 'FORMAT',
      exitCode: 1,
      message: expect.stringContaining('manifest'),
    })
  })
})
