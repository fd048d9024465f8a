import type { Mixer } from '@tersor/core-tensor'

/** What mixes tokens in some layers, as far as it decides memory and reach. */
export type MixerRun = { readonly layers: number } & (
  | {
      readonly kind: 'attention'
      readonly heads: number
      readonly kvHeads: number
      readonly headDim: number
      /** Tokens that a query sees; null for all. */
      readonly window: number | null
      /** Whether its keys are those of an earlier layer. */
      readonly sharesKeys: boolean
    }
  | { readonly kind: 'convolution'; readonly channels: number; readonly kernel: number }
  | {
      readonly kind: 'delta'
      readonly heads: number
      readonly keyHeads: number
      readonly keyDim: number
      readonly valueDim: number
    }
)

type Alike = MixerRun extends infer Run ? (Run extends MixerRun ? Omit<Run, 'layers'> : never) : never

/** Layers that mix tokens alike, counted, in the order of their first. */
export function mixerRuns(mixers: readonly Mixer[]): readonly MixerRun[] {
  const runs = new Map<string, MixerRun>()
  for (const mixer of mixers) {
    const alike = shapeOf(mixer)
    const key = JSON.stringify(alike)
    runs.set(key, { layers: (runs.get(key)?.layers ?? 0) + 1, ...alike } as MixerRun)
  }
  return [...runs.values()]
}

function shapeOf(mixer: Mixer): Alike {
  if (mixer.kind === 'convolution')
    return { kind: mixer.kind, channels: mixer.channels, kernel: mixer.kernel }
  if (mixer.kind === 'delta') {
    const { kind, heads, keyHeads, keyDim, valueDim } = mixer
    return { kind, heads, keyHeads, keyDim, valueDim }
  }
  const { kind, heads, kvHeads, headDim, window = null, keysOf } = mixer
  return { kind, heads, kvHeads, headDim, window, sharesKeys: keysOf !== undefined }
}
