// A process that downloads a file into a cache, and that SIGKILL ends when so many bytes are there; prints the file's SHA-256:
// node download.mjs NAME FOLDER HUB [AT]

import { createHash } from 'node:crypto'
import { folderCache } from '../src/cache/folder-cache.ts'
import { openSource } from '../src/random-access.ts'

const [name, folder, hub, at = 'Infinity'] = process.argv.slice(2)
const source = await openSource(name!, {
  hub: hub!,
  cache: folderCache(folder!),
  onProgress(done) {
    if (done < Number(at)) return
    process.kill(process.pid, 'SIGKILL')
    // The signal arrives before the next turn of the event loop.
    for (;;);
  },
})
const bytes = await source.read(0, source.byteLength)
await source.close()
console.log(createHash('sha256').update(bytes).digest('hex'))
