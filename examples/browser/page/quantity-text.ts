/** Bytes for people. */
export function bytesText(count: number): string {
  if (count < 1e6) return `${(count / 1e3).toFixed(1)} kB`
  return count < 1e9 ? `${(count / 1e6).toFixed(2)} MB` : `${(count / 1e9).toFixed(2)} GB`
}

/** A signal-to-noise ratio for people. */
export function decibelsText(snr: number): string {
  return snr === Infinity ? 'nothing lost' : `${snr.toFixed(1)} dB`
}

/** Milliseconds of work before a guess at the rest is worth anything. */
const WARM = 500

/** How long the rest takes if it goes on as it began; empty before anything can be said. */
export function timeLeftText(elapsed: number, done: number, total: number): string {
  if (elapsed < WARM || done === 0 || done >= total) return ''
  const seconds = Math.max(1, Math.round((elapsed * (total - done)) / done / 1000))
  return seconds < 100 ? `, ${seconds} s left` : `, ${Math.round(seconds / 60)} min left`
}
