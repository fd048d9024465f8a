import type { Rng } from '@tersor/core-tensor'
import { type ItemListOptions, itemList } from './item-list.ts'
import { pickWeighted } from './pick.ts'
import type { Sample } from './sample.ts'

/**
 * A list of 8 to 24 letters or two-digit numbers, and the same list in order. Words are not sorted: their
 * order lies in their letters, which tokens hide.
 *
 * @example
 * sort(new Rng(1), { items: 'letters' }).text.split('\n')[1] // => 'Sorted: a b f j k l m q r u v x'
 */
export function sort(rng: Rng, options: SortOptions = {}): Sample {
  const items = options.items ?? pickWeighted(rng, { letters: 0.65, numbers: 0.35 })
  return itemList(rng, options, {
    family: 'sort',
    request: 'Sort',
    reply: 'Sorted',
    items,
    // All letters are lower case and all numbers of two digits: the order of code units is theirs.
    transform: list => list.toSorted(),
  })
}

export interface SortOptions extends ItemListOptions {
  items?: 'letters' | 'numbers' | undefined
}
