import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, it, vi } from 'vitest'
import { contentHash } from './content-hash.ts'
import { Sha256 } from './sha256.ts'

it('is what FIPS 180-4 says', () => {
  const hash = (text: string) => new Sha256().update(new TextEncoder().encode(text)).hex()
  expect(hash('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  expect(hash('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})

it("agrees with Node's, however the bytes are cut", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), pieces => {
      const [ours, theirs] = [new Sha256(), createHash('sha256')]
      for (const piece of pieces) {
        ours.update(piece)
        theirs.update(piece)
      }
      return ours.hex() === theirs.digest('hex')
    }),
  )
})

it.each(['sha256', 'git-sha1'] as const)('is the same %s without Node', async kind => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i)
  const hex = () => {
    const hash = contentHash(kind, bytes.length)
    hash.update(bytes.subarray(0, 300))
    hash.update(bytes.subarray(300))
    return hash.hex()
  }
  const inNode = await hex()
  const modules = vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
  expect(await hex()).toBe(inNode)
  modules.mockRestore()
  // `git hash-object` of the same thousand bytes.
  if (kind === 'git-sha1') expect(inNode).toBe(GIT)
})

const GIT = createHash('sha1')
  .update('blob 1000\0')
  .update(Uint8Array.from({ length: 1000 }, (_, i) => i))
  .digest('hex')
