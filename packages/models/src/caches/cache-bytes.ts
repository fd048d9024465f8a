import type { Mixer } from '@tersor/core-tensor'

/** Of a float32 or an int32. */
const NUMBER = 4

/**
 * Bytes that a {@link DenseCache} holds for a text: keys, values and positions in float32 and int32, of windows what they keep, and
 * the state of mixers without keys, which does not grow. Room that is made ahead of a growing text is not counted.
 *
 * @example
 * const layer = { kind: 'attention', heads: 8, kvHeads: 2, headDim: 64, scale: 0.125 } as const
 * cacheBytes([layer], 1000) // => 1028000
 * cacheBytes([{ ...layer, window: 100 }], 1000) // => 205600
 * cacheBytes([{ ...layer, keysOf: 0 }], 1000) // => 0
 */
export function cacheBytes(mixers: readonly Mixer[], tokens: number): number {
  return NUMBER * mixers.reduce((sum, mixer) => sum + numbersOf(mixer, tokens), 0)
}

function numbersOf(mixer: Mixer, tokens: number): number {
  if (mixer.kind === 'convolution') return (mixer.kernel - 1) * mixer.channels
  if (mixer.kind === 'delta') {
    const { heads, keyHeads, keyDim, valueDim, kernel } = mixer
    return (kernel - 1) * (2 * keyHeads * keyDim + heads * valueDim) + heads * keyDim * valueDim
  }
  if (mixer.keysOf !== undefined) return 0
  // What left a window is dropped once it is as much as what is inside.
  const held = Math.min(tokens, 2 * (mixer.window ?? tokens))
  return held * (2 * mixer.kvHeads * mixer.headDim + 1)
}
