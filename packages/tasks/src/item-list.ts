import type { Rng } from '@tersor/core-tensor'
import { lexicon } from './lexicon.ts'
import { between, pickDistinct, pickFrequentDistinct } from './pick.ts'
import type { Sample, SampleOptions } from './sample.ts'
import { drawInSplit } from './split.ts'
import { estimatedMeasure } from './text-measure.ts'

/** What a list is of. `pieces` are words of a single token. */
export type ItemKind = 'words' | 'pieces' | 'letters' | 'numbers'

export interface ItemListOptions extends SampleOptions {
  /** What the items are; drawn by default. */
  items?: ItemKind | undefined
}

/** What is done with a list, and what it is called. */
interface ListTask {
  readonly family: string
  /** Before the list. */
  readonly request: string
  /** Before the answer. */
  readonly reply: string
  readonly items: ItemKind
  readonly transform: (items: readonly string[]) => readonly string[]
}

const letters = /* @__PURE__ */ Array.from('abcdefghijklmnopqrstuvwxyz')
const numbers = /* @__PURE__ */ Array.from({ length: 90 }, (_, i) => String(i + 10))

/** Eight to twenty-four items, no two the same, and what becomes of them. */
export function itemList(
  rng: Rng,
  { split = 'train', measure = estimatedMeasure }: SampleOptions,
  task: ListTask,
): Sample {
  const pools = { words: lexicon, pieces: measure.singleTokens, letters, numbers }
  const { items, key } = drawInSplit(split, task.family, () => {
    const draw = task.items === 'words' ? pickFrequentDistinct : pickDistinct
    const drawn = draw(rng, pools[task.items], between(rng, 8, 24))
    return { items: drawn, key: drawn.join(' ') }
  })
  const question = `${task.request}: ${items.join(' ')}\n${task.reply}:`
  const answer = ` ${task.transform(items).join(' ')}`
  return {
    text: `${question}${answer}\n`,
    answers: [{ start: question.length, end: question.length + answer.length, kind: task.family }],
    family: task.family,
    key,
  }
}
