import { type Rng, ShapeError } from '@tersor/core-tensor'
import { adjectives, names, objects, places, placesAt, placesIn, women } from './lexicon.ts'
import { between, pick, pickFrequent, pickFrequentDistinct, pickWeighted } from './pick.ts'

export interface Person {
  readonly name: string
  readonly isWoman: boolean
  /** Where the person is; nowhere before the story says so. */
  place?: Place
}

/** What can be carried: held by somebody, or lying somewhere, or not yet in the story. */
export interface Thing {
  /** `lamp` or `red lamp` */
  readonly phrase: string
  holder?: Person | undefined
  place?: Place | undefined
}

export interface Place {
  readonly noun: string
  readonly preposition: 'in' | 'at' | 'on'
}

export interface World {
  readonly people: readonly Person[]
  readonly things: readonly Thing[]
  readonly places: readonly Place[]
}

/** Something that happened; the world has changed already. */
export interface StoryEvent {
  readonly kind: StoryEventKind
  readonly doer?: Person
  readonly other?: Person
  readonly thing?: Thing
  /** Where it happened, or where it led to. */
  readonly place: Place
  /** Where the doer was before. */
  readonly from?: Place
}

export type StoryEventKind = 'introduce' | 'thing' | 'move' | 'together' | 'take' | 'find' | 'drop' | 'give'

/** How frequent an event of each kind is among those that are possible. */
export type EventWeights = Readonly<Record<StoryEventKind, number>>

export const eventWeights: EventWeights = {
  introduce: 3,
  thing: 0.6,
  move: 4,
  together: 0.8,
  take: 2.5,
  find: 0.8,
  drop: 0.8,
  give: 3,
}

/**
 * The cast of a story of about so many tokens, of whom nothing is known yet.
 *
 * @param size  how many people there are, and how many things, at least and at most
 * @throws {ShapeError} when it begins below 2, falls, or goes beyond 80
 */
export function drawWorld(rng: Rng, tokens: number, size?: readonly [number, number]): World {
  if (size !== undefined && !isCastSize(size)) {
    throw new ShapeError(
      `[tasks/stories] expected a cast of 2 to ${LARGEST_CAST}, the smaller number first, got ${size.join(' to ')}`,
    )
  }
  const some = (most: number) => between(rng, 2, Math.max(2, Math.min(most, 2 + Math.floor(tokens / 100))))
  const cast = () => (size === undefined ? some(6) : between(rng, ...size))
  return {
    people: pickFrequentDistinct(rng, names, cast()).map(name => ({ name, isWoman: women.includes(name) })),
    things: pickFrequentDistinct(rng, objects, cast()).map(noun => ({
      phrase: rng.integer(4) === 0 ? `${pickFrequent(rng, adjectives)} ${noun}` : noun,
    })),
    places: pickFrequentDistinct(rng, places, 1 + some(7)).map(noun => ({
      noun,
      preposition: placesIn.includes(noun) ? 'in' : placesAt.includes(noun) ? 'at' : 'on',
    })),
  }
}

/** There are some 200 names and as many things: to draw more of them, none twice, is slow. */
const LARGEST_CAST = 80

function isCastSize([least, most]: readonly [number, number]): boolean {
  return (
    Number.isInteger(least) && Number.isInteger(most) && 2 <= least && least <= most && most <= LARGEST_CAST
  )
}

/** Lets something happen that can happen. */
export function nextEvent(rng: Rng, world: World, weights: EventWeights = eventWeights): StoryEvent {
  const people = world.people.filter(({ place }) => place !== undefined)
  const unseen = world.people.find(({ place }) => place === undefined)
  const unknown = world.things.find(({ holder, place }) => holder === undefined && place === undefined)
  const pairs = people.flatMap(a =>
    people.filter(b => a !== b && a.place === b.place).map(b => [a, b] as const),
  )
  const takings = world.things.flatMap(thing =>
    thing.place === undefined
      ? []
      : people.filter(({ place }) => place === thing.place).map(doer => ({ doer, thing })),
  )
  const holdings = world.things.flatMap(thing =>
    thing.holder === undefined ? [] : [{ doer: thing.holder, thing }],
  )
  const givings = holdings.flatMap(({ doer, thing }) =>
    pairs.filter(([a]) => a === doer).map(([, other]) => ({ doer, other, thing })),
  )
  const isPossible: Readonly<Record<StoryEventKind, boolean>> = {
    introduce: unseen !== undefined,
    thing: unknown !== undefined,
    move: true,
    together: pairs.length > 0,
    take: takings.length > 0,
    find: unknown !== undefined,
    drop: holdings.length > 0,
    give: givings.length > 0,
  }
  const possible = Object.fromEntries(
    Object.entries(weights).filter(([kind]) => isPossible[kind as StoryEventKind]),
  )
  // A story needs somebody to begin with.
  const kind = people.length < 2 ? 'introduce' : pickWeighted<StoryEventKind>(rng, possible)
  switch (kind) {
    case 'introduce': {
      const thing = unknown !== undefined && rng.integer(3) === 0 ? { thing: unknown } : {}
      const place = pick(rng, world.places)
      unseen!.place = place
      if (thing.thing !== undefined) thing.thing.holder = unseen
      return { kind, doer: unseen!, place, ...thing }
    }
    case 'thing': {
      unknown!.place = pick(rng, world.places)
      return { kind, thing: unknown!, place: unknown!.place }
    }
    case 'move': {
      const doer = pick(rng, people)
      const from = doer.place!
      doer.place = destination(rng, world, from)
      return { kind, doer, place: doer.place, from }
    }
    case 'together': {
      const [doer, other] = pick(rng, pairs)
      const from = doer.place!
      doer.place = other.place = destination(rng, world, from)
      return { kind, doer, other, place: doer.place, from }
    }
    case 'take': {
      const { doer, thing } = pick(rng, takings)
      thing.holder = doer
      thing.place = undefined
      return { kind, doer, thing, place: doer.place! }
    }
    case 'find': {
      const doer = pick(rng, people)
      unknown!.holder = doer
      return { kind, doer, thing: unknown!, place: doer.place! }
    }
    case 'drop': {
      const { doer, thing } = pick(rng, holdings)
      thing.holder = undefined
      thing.place = doer.place
      return { kind, doer, thing, place: doer.place! }
    }
    case 'give': {
      const { doer, other, thing } = pick(rng, givings)
      thing.holder = other
      return { kind, doer, other, thing, place: doer.place! }
    }
  }
}

/** Another place, often one where somebody is: people have to meet. */
function destination(rng: Rng, { people, places }: World, from: Place): Place {
  const lively = people.flatMap(({ place }) => (place === undefined || place === from ? [] : [place]))
  if (lively.length > 0 && rng.integer(5) < 2) return pick(rng, lively)
  return pick(
    rng,
    places.filter(place => place !== from),
  )
}
