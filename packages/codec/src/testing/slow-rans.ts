/** A stream as plain arrays, as hostile as it likes. */
export interface PlainStream {
  readonly stream: Uint8Array
  readonly frequencies: readonly number[]
  readonly offsets: readonly number[]
  /** Symbols in all. */
  readonly size: number
  readonly chunk: number
  readonly precision: number
  readonly lanes: number
}

/**
 * The format of `ransDecode` a second time, in plain arithmetic: what the devices are compared with.
 *
 * @returns the symbols, or undefined where the stream is not sound
 */
export function slowDecode(coded: PlainStream): number[] | undefined {
  const { stream, frequencies, offsets, size, chunk, precision, lanes } = coded
  const slots = 2 ** precision
  if (frequencies.reduce((a, b) => a + b, 0) !== slots) return undefined
  if (offsets.some((offset, i) => offset > (offsets[i + 1] ?? stream.length))) return undefined

  const symbolOf: number[] = []
  const firstOf: number[] = []
  for (const [symbol, frequency] of frequencies.entries()) {
    firstOf.push(symbolOf.length)
    for (let i = 0; i < frequency; i++) symbolOf.push(symbol)
  }
  const symbols: number[] = []
  for (let c = 0; c + 1 < offsets.length; c++) {
    const bytes = stream.slice(offsets[c], offsets[c + 1])
    if (bytes.length < 4 * lanes || bytes.length % 2 !== 0) return undefined
    const view = new DataView(bytes.buffer)
    const states = Array.from({ length: lanes }, (_, lane) => view.getUint32(4 * lane, true))
    const words = Array.from({ length: bytes.length / 2 - 2 * lanes }, (_, i) =>
      view.getUint16(4 * lanes + 2 * i, true),
    )
    let used = 0
    for (let i = 0; i < chunk && c * chunk + i < size; i++) {
      const state = states[i % lanes]!
      const slot = state % slots
      const symbol = symbolOf[slot]!
      let next = frequencies[symbol]! * Math.floor(state / slots) + slot - firstOf[symbol]!
      if (next < 65536) {
        if (used === words.length) return undefined
        next = next * 65536 + words[used++]!
      }
      states[i % lanes] = next
      symbols.push(symbol)
    }
    if (used < words.length || states.some(state => state !== 65536)) return undefined
  }
  return symbols
}
