import type { Rng } from '@tersor/core-tensor'
import { type ItemListOptions, itemList } from './item-list.ts'
import { pickWeighted } from './pick.ts'
import type { Sample } from './sample.ts'

/**
 * A list of 8 to 24 words, letters or numbers, and the same list again.
 *
 * @example
 * copy(new Rng(2), { items: 'numbers' }).text.split('\n')[1] // => 'Copied: 12 10 93 70 77 73 92 76 67 33 85 38 27 32 53 28 14 97'
 */
export function copy(rng: Rng, options: ItemListOptions = {}): Sample {
  const items = options.items ?? pickWeighted(rng, { words: 0.7, letters: 0.15, numbers: 0.15 })
  return itemList(rng, options, {
    family: 'copy',
    request: 'Copy',
    reply: 'Copied',
    items,
    transform: list => list,
  })
}
