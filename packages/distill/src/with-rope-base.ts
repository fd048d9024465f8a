import type { Mixer } from '@tersor/core-tensor'
import { type DecoderConfig, ropeFrequencies } from '@tersor/models'

/** A configuration with another base of rotary positions. */
export function withRopeBase(config: DecoderConfig, base: number): DecoderConfig {
  const turned = (mixer: Mixer): Mixer => {
    if (mixer.kind !== 'attention' || mixer.rope === undefined) return mixer
    const frequencies = ropeFrequencies(2 * mixer.rope.frequencies.length, base)
    return { ...mixer, rope: { ...mixer.rope, frequencies } }
  }
  return {
    ...config,
    mixers: config.mixers.map(turned),
    layers: config.layers.map(layer => ({
      ...layer,
      branches: layer.branches.map(branch =>
        branch.op.kind === 'attention' ? { ...branch, op: turned(branch.op) } : branch,
      ),
    })),
  }
}
