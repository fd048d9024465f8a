import { adjectives, men, names, objects, places, women } from '../lexicon.ts'

/** What a reader believes after some of a story. */
interface Beliefs {
  /** Where each person is. */
  readonly people: Map<string, string>
  /** Who has each thing. */
  readonly holders: Map<string, string>
  /** Where each thing lies that nobody has. */
  readonly things: Map<string, string>
}

const A = '<A:(\\w+)>'
const X = '<X:([\\w ]+)>'
const N = '<N:([\\w ]+)>'
const P = '<P:(\\w+)>'
const at = '(?:in|at|on|In|At|On)'

/**
 * How a reader understands the sentences: what is matched, and what follows from it. Written without a look at
 * the grammar that makes them. The earliest match counts, and of those that begin together the first.
 */
const rules: readonly [pattern: string, learn: (beliefs: Beliefs, ...found: string[]) => void][] = [
  // Two go somewhere.
  [`${A} and ${A} [^<.;]*(?:<P:\\w+> for )?${P}`, (b, one, two, to) => together(b, [one!, two!], to!)],
  [
    `${A} (?:has )?(?:takes?|took|taken|leads?|led) ${A} (?:along )?to ${P}`,
    (b, one, two, to) => together(b, [one!, two!], to!),
  ],
  [
    `"Come with me," [^<]*${A} to ${A}, and they [^<]*${P}`,
    (b, one, two, to) => together(b, [one!, two!], to!),
  ],
  [
    `"Shall we go to ${P}\\?" [^<]*${A}, and ${A} [^<]*<A:\\w+> there`,
    (b, to, one, two) => together(b, [one!, two!], to!),
  ],
  // Somebody is somewhere with a thing.
  [
    `${A}(?:, an? \\w+,)? [^<.;]*${at} ${P} (?:with|and (?:held|holds)) ${N}`,
    (b, who, where, thing) => arrive(b, who!, where!, thing),
  ],
  [`${A} [^<.;]*${N} around ${at} ${P}`, (b, who, thing, where) => arrive(b, who!, where!, thing)],
  [`${at} ${P} ${A} [^<.;]*with ${N}`, (b, where, who, thing) => arrive(b, who!, where!, thing)],
  [`${at} ${P} ${A} wait`, (b, where, who) => arrive(b, who!, where!)],
  // Somebody gives something away.
  [`${A} [^<.;,]*${X} to ${A}`, (b, _from, thing, to) => hold(b, to!, thing!)],
  [`${A} [^<.;,]*${X} from ${A}`, (b, to, thing) => hold(b, to!, thing!)],
  [`${A} [^<.;,]*${A} (?:with )?${X}`, (b, _from, to, thing) => hold(b, to!, thing!)],
  [`${A} (?:has )?ask(?:s|ed)? for ${X}, and <A:\\w+> [^<]*it over`, (b, to, thing) => hold(b, to!, thing!)],
  [`"Take ${X}," [^<]*<A:\\w+> to ${A}, and`, (b, thing, to) => hold(b, to!, thing!)],
  [`"Please keep ${X} for me," [^<]*<A:\\w+>, and [^<]*it to ${A}`, (b, thing, to) => hold(b, to!, thing!)],
  [`"May I have ${X}\\?" [^<]*${A}, and`, (b, thing, to) => hold(b, to!, thing!)],
  // Somebody puts something down.
  [`${A} [^<.;,]*${X} (?:down |aside )?${at} ${P}`, (b, _who, thing, where) => lie(b, thing!, where!)],
  [
    `${X} seem(?:s|ed) too heavy, so <A:\\w+> [^<]*it ${at} ${P}`,
    (b, thing, where) => lie(b, thing!, where!),
  ],
  [
    `"I do not need ${X} any more," [^<]*<A:\\w+>, and [^<]*it ${at} ${P}`,
    (b, thing, where) => lie(b, thing!, where!),
  ],
  [
    `${A} (?:has )?(?:puts?|drop(?:s|ped)|la(?:ys|id)|lets?(?: go of)?) ${X}`,
    (b, who, thing) => lie(b, thing!, b.people.get(who!)!),
  ],
  // Somebody takes something.
  [`${A} [^<.;,]*${X}`, (b, who, thing) => hold(b, who!, thing!)],
  [`${X} (?:lay|lies) there, and ${A}`, (b, thing, who) => hold(b, who!, thing!)],
  [`obody need(?:s|ed) ${X}, so ${A}`, (b, thing, who) => hold(b, who!, thing!)],
  [`"This will be useful," [^<]*${A}, and [^<]*${X}`, (b, who, thing) => hold(b, who!, thing!)],
  [`"Is that ${X}\\?" [^<]*${A}, and`, (b, thing, who) => hold(b, who!, thing!)],
  // Somebody finds something.
  [`${A} [^<.;,]*${N}`, (b, who, thing) => hold(b, who!, thing!)],
  [`omebody had lost ${N}, and ${A}`, (b, thing, who) => hold(b, who!, thing!)],
  [`"Look, ${N}!" [^<]*${A}`, (b, thing, who) => hold(b, who!, thing!)],
  // Something is there.
  [`${N} (?:lay |lies )?${at} ${P}`, (b, thing, where) => lie(b, thing!, where!)],
  [`${at} ${P} (?:lay|lies) ${N}`, (b, where, thing) => lie(b, thing!, where!)],
  // Somebody goes somewhere.
  [`"(?:I am going to|Time for) ${P}," [^<]*${A}`, (b, to, who) => arrive(b, who!, to!)],
  [`"I have nothing to do here," [^<]*${A}, and [^<]*to ${P}`, (b, who, to) => arrive(b, who!, to!)],
  [`(?:rom|ired of) <P:\\w+>,? ${A} [^<.;]*to ${P}`, (b, who, to) => arrive(b, who!, to!)],
  [`${A} [^<.;,]*<P:\\w+> (?:for|and [\\w ]+ to) ${P}`, (b, who, to) => arrive(b, who!, to!)],
  [`next stop for ${A} \\w+ ${P}`, (b, who, to) => arrive(b, who!, to!)],
  [`${A}(?:, an? \\w+,)? [^<.;,]*${P}`, (b, who, to) => arrive(b, who!, to!)],
]

const patterns = rules.map(([pattern]) => new RegExp(pattern, 'g'))

/** Answers a story's questions from its sentences alone. */
export function readStory(
  text: string,
): { question: string; given: string; understood: string | undefined }[] {
  const beliefs: Beliefs = { people: new Map(), holders: new Map(), things: new Map() }
  const lines = text.split('\n')
  return lines.flatMap((line, i) => {
    if (line.startsWith('A: ') || line === '') return []
    if (!line.startsWith('Q: ')) {
      learn(beliefs, line)
      return []
    }
    return [{ question: line, given: lines[i + 1]!.slice(3), understood: answer(beliefs, line.slice(3)) }]
  })
}

/** Where every name, thing and place is marked as such, and pronouns are the names that they stand for. */
export function markUp(line: string): string {
  const things = `((?:(?:${adjectives.join('|')}) )?(?:${objects.join('|')}))\\b`
  const marked = line
    .replace(new RegExp(`\\b[Tt]he (${places.join('|')})\\b`, 'g'), '<P:$1>')
    .replace(new RegExp(`\\b[Tt]he ${things}`, 'g'), '<X:$1>')
    .replace(new RegExp(`\\b[Aa]n? ${things}`, 'g'), '<N:$1>')
  let [woman, man] = ['', '']
  return marked.replace(/\b(?:[A-Z][a-z]+|she|he)\b(?=[^>]*(?:<|$))/g, word => {
    if (women.includes(word)) woman = word
    if (men.includes(word)) man = word
    if (names.includes(word)) return `<A:${word}>`
    if (/^she$/i.test(word)) return `<A:${woman}>`
    return /^he$/i.test(word) ? `<A:${man}>` : word
  })
}

function learn(beliefs: Beliefs, line: string): void {
  const marked = markUp(line)
  let from = 0
  while (true) {
    let best: { match: RegExpExecArray; rule: number } | undefined
    for (const [rule, pattern] of patterns.entries()) {
      pattern.lastIndex = from
      const match = pattern.exec(marked)
      if (match !== null && (best === undefined || match.index < best.match.index)) best = { match, rule }
    }
    if (best === undefined) return
    rules[best.rule]![1](beliefs, ...best.match.slice(1))
    from = best.match.index + best.match[0].length
  }
}

function answer({ people, holders, things }: Beliefs, question: string): string | undefined {
  const marked = markUp(question)
  const person = /<A:(\w+)>/.exec(marked)?.[1]
  const thing = /<X:([\w ]+)>/.exec(marked)?.[1]
  if (/^Who/.test(question)) return holders.get(thing!)
  if (person !== undefined) return people.get(person)
  const holder = holders.get(thing!)
  return holder === undefined ? things.get(thing!) : people.get(holder)
}

function arrive({ people, holders }: Beliefs, who: string, where: string, thing?: string): void {
  people.set(who, where)
  if (thing !== undefined) holders.set(thing, who)
}

function together(beliefs: Beliefs, who: readonly string[], where: string): void {
  for (const person of who) arrive(beliefs, person, where)
}

function hold({ holders, things }: Beliefs, who: string, thing: string): void {
  holders.set(thing, who)
  things.delete(thing)
}

function lie({ holders, things }: Beliefs, thing: string, where: string): void {
  holders.delete(thing)
  things.set(thing, where)
}
