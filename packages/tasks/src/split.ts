import { ShapeError } from '@tersor/core-tensor'

/** Instances to train with, and those that training never sees. */
export type Split = 'train' | 'held-out'

/**
 * The split of an instance, by a hash of what makes it this instance: a tenth is held out. No list of
 * instances is needed, and no training text can meet one that is held out.
 *
 * @example
 * splitOf('arithmetic', '12+34') // => 'train'
 * splitOf('arithmetic', '63+73') // => 'held-out'
 */
export function splitOf(family: string, key: string): Split {
  return hash(`${family}\n${key}`) % 10 === 0 ? 'held-out' : 'train'
}

/** Draws until the instance is of the split. */
export function drawInSplit<T extends { readonly key: string }>(
  split: Split,
  family: string,
  draw: () => T,
): T {
  // The tries end only when no instance can be of the split: 0.9 ^ 10000 is 10^-458.
  for (let tries = 0; tries < 10_000; tries++) {
    const drawn = draw()
    if (splitOf(family, drawn.key) === split) return drawn
  }
  throw new ShapeError(`[tasks/split] expected instances of ${family} in the split "${split}", found none`)
}

/** FNV-1a over UTF-16 code units, its bits mixed at the end as MurmurHash3 does, so that every bit counts. */
function hash(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
