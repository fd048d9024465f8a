import type { Rng } from '@tersor/core-tensor'
import { type ItemListOptions, itemList } from './item-list.ts'
import { pickWeighted } from './pick.ts'
import type { Sample } from './sample.ts'

/**
 * A list of 8 to 24 words of one token, letters or numbers, and the same list from its end.
 *
 * @example
 * reverse(new Rng(1), { items: 'letters' }).text.split('\n')[1] // => 'Reversed: k x q m f a l j u v b r'
 */
export function reverse(rng: Rng, options: ItemListOptions = {}): Sample {
  const items = options.items ?? pickWeighted(rng, { pieces: 0.5, letters: 0.3, numbers: 0.2 })
  return itemList(rng, options, {
    family: 'reverse',
    request: 'Reverse',
    reply: 'Reversed',
    items,
    transform: list => list.toReversed(),
  })
}
