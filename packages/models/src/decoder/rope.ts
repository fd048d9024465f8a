import type { Rope } from '@tersor/core-tensor'
import { exp, log } from '@tersor/core-tensor/portable-math'

const TAU = 2 * Math.PI

/**
 * The angles per position of each pair of `turned` elements: base^(−2i / turned).
 *
 * @param over  what divides the exponent; `turned` by default
 * @example
 * ropeFrequencies(4, 10000)[1] // => ≈ 0.01000
 */
export function ropeFrequencies(turned: number, base: number, over = turned): number[] {
  return Array.from({ length: Math.floor(turned / 2) }, (_, i) => exp((-2 * i * log(base)) / over))
}

export interface Llama3Scaling {
  readonly factor: number
  readonly low: number
  readonly high: number
  readonly original: number
}

/**
 * Llama 3's scaling (Dubey et al., 2024, arXiv:2407.21783): waves longer than the trained length over `low` are
 * stretched, those shorter than it over `high` stay, and those between are mixed.
 */
export function llama3Frequencies(frequencies: readonly number[], scaling: Llama3Scaling): number[] {
  const { factor, low, high, original } = scaling
  return frequencies.map(frequency => {
    const wave = TAU / frequency
    if (wave > original / low) return frequency / factor
    if (wave < original / high) return frequency
    const kept = (original / wave - low) / (high - low)
    return frequency * (kept + (1 - kept) / factor)
  })
}

export interface YarnScaling {
  readonly base: number
  readonly factor: number
  readonly original: number
  readonly betaFast: number
  readonly betaSlow: number
  /** Whether the bounds of the mixed range are rounded outwards. */
  readonly truncate: boolean
}

/** YaRN (Peng et al., 2023, arXiv:2309.00071): fast pairs stay, slow ones are stretched, with a ramp between. */
export function yarnFrequencies(frequencies: readonly number[], scaling: YarnScaling): number[] {
  const { base, factor, original, betaFast, betaSlow, truncate } = scaling
  const turned = 2 * frequencies.length
  const pairOf = (turns: number) => (turned * log(original / (TAU * turns))) / (2 * log(base))
  const round = truncate ? [Math.floor, Math.ceil] : [Number, Number]
  const from = Math.max(round[0]!(pairOf(betaFast)), 0)
  const to = Math.min(round[1]!(pairOf(betaSlow)), turned - 1)
  const width = from === to ? 0.001 : to - from
  return frequencies.map((frequency, i) => {
    const stretched = Math.min(Math.max((i - from) / width, 0), 1)
    return frequency * (1 - stretched + stretched / factor)
  })
}

/** YaRN's attention factor for a stretch of `factor`. */
export function yarnScale(factor: number, by = 1): number {
  return factor <= 1 ? 1 : 0.1 * by * log(factor) + 1
}

/** Longrope's attention factor for a stretch of `factor` (Ding et al., 2024, arXiv:2402.13753). */
export function longropeScale(factor: number, original: number): number {
  return factor <= 1 ? 1 : Math.sqrt(1 + log(factor) / log(original))
}

/**
 * The frequencies of a cache for `length` tokens: those of the rope, or what it takes beyond its length.
 *
 * @param length  how many tokens the cache will hold at most
 */
export function frequenciesFor({ frequencies, beyond }: Rope, length: number): readonly number[] {
  if (beyond === undefined || length <= beyond.length) return frequencies
  if ('frequencies' in beyond) return beyond.frequencies
  const turned = 2 * frequencies.length
  const stretch = (beyond.factor * length) / beyond.length - (beyond.factor - 1)
  const base = beyond.base * exp((log(stretch) * turned) / (turned - 2))
  return ropeFrequencies(turned, base)
}
