import { conjugate, type Tense } from './story-verbs.ts'

/** What the slots of a template stand for. */
export type Slots = Readonly<Record<string, string>>

/**
 * Fills a template. `{name}` is a slot; `<verb>` is that verb in the story's tense, `<verb+>` after several
 * people, and `<verb!>` never in the perfect, for what is said or lasts.
 */
export function expand(template: string, tense: Tense, slots: Slots): string {
  return template.replace(
    /\{(\w+)\}|<(\w+)([+!]*)>/g,
    (_, slot: string | undefined, verb: string, marks: string) => {
      if (slot !== undefined) return slots[slot]!
      const kept = marks.includes('!') && tense === 'perfect' ? 'past' : tense
      return conjugate(verb, kept, marks.includes('+'))
    },
  )
}

/** With a capital letter at the beginning, behind a quotation mark too, and a full stop at the end. */
export function sentence(clause: string): string {
  const at = clause.startsWith('"') ? 1 : 0
  return `${clause.slice(0, at)}${clause[at]!.toUpperCase()}${clause.slice(at + 1)}.`
}

/** `a` or `an` before a word. */
export function withArticle(phrase: string): string {
  return `${/^[aeiou]/.test(phrase) ? 'an' : 'a'} ${phrase}`
}
