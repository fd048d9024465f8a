import { type Answering, etagOf } from './file-server.ts'

/** Bytes that go out at a time. */
const PIECE = 50_000

/**
 * Answers with a file at a given speed, and breaks the connection off wherever it is told to, once each.
 *
 * @param options.cuts  positions in the file, ascending
 * @returns what answers, and how many bytes of the file went out
 */
export function throttled(
  bytes: Uint8Array,
  { bytesPerSecond, cuts }: { bytesPerSecond: number; cuts: readonly number[] },
): { answering: Answering; sent(): number } {
  const left = [...cuts]
  let sent = 0
  const answering: Answering = ({ range }, response) => {
    const start = Number(/^bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0)
    const headers = { etag: etagOf(bytes), 'content-length': bytes.length - start }
    const ranged = { ...headers, 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` }
    response.writeHead(range === undefined ? 200 : 206, range === undefined ? headers : ranged)
    let position = start
    const next = () => {
      const end = Math.min(position + PIECE, left[0] ?? bytes.length, bytes.length)
      const piece = bytes.subarray(position, end)
      response.write(piece, () => {
        sent += piece.length
        position = end
        if (position === left[0]) {
          left.shift()
          response.destroy()
        } else if (position === bytes.length) response.end()
        else setTimeout(next, (1000 * piece.length) / bytesPerSecond)
      })
    }
    next()
    return true
  }
  return { answering, sent: () => sent }
}
