// pnpm bench:download [--megabytes N] [--speed N]: a model over a throttled server of this machine that cuts it off twice.
//
// It goes into a cache, as from the Hub: the server lists its SHA-256 and sends on to another origin. What is printed are the bytes
// that went out in all, which are those of the file when none goes twice, the requests, and the seconds beside those of the
// speed alone.

import { createHash, randomFillSync } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { folderCache, openSource } from '@tersor/formats'
import { fakeHub } from '../../../packages/formats/testing/fake-hub.ts'
import { throttled } from '../../../packages/formats/testing/throttled.ts'

const { values } = parseArgs({
  options: { megabytes: { type: 'string', default: '50' }, speed: { type: 'string', default: '5' } },
})
const [size, bytesPerSecond] = [Number(values.megabytes) * 1e6, Number(values.speed) * 1e6]

const content = randomFillSync(new Uint8Array(size))
const cuts = [Math.floor(size / 3), Math.floor(size / 1.5)]
const { answering, sent } = throttled(content, { bytesPerSecond, cuts })
const server = await fakeHub({ 'owner/name': { 'model.bin': content } }, { storing: answering })
const folder = await mkdtemp(join(tmpdir(), 'tersor-download-'))
try {
  const options = { hub: server.hub.url, cache: folderCache(folder) }
  const begun = performance.now()
  const source = await openSource('hf:owner/name/model.bin', options)
  const seconds = (performance.now() - begun) / 1000
  const sha256 = createHash('sha256').update(await source.read(0, source.byteLength))
  await source.close()
  await (await openSource('hf:owner/name/model.bin', options)).close()
  console.table({
    'bytes of the file': size,
    'bytes sent': sent(),
    'requests for bytes': server.store.asked.length,
    seconds: Number(seconds.toFixed(2)),
    'seconds at that speed': size / bytesPerSecond,
    'arrived whole': sha256.digest('hex') === createHash('sha256').update(content).digest('hex'),
  })
} finally {
  await server.close()
  await rm(folder, { recursive: true })
}
