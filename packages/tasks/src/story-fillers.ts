import type { Rng } from '@tersor/core-tensor'
import { animals, names, roles } from './lexicon.ts'
import { pick, pickFrequent } from './pick.ts'
import { expand, sentence, withArticle } from './story-grammar.ts'
import type { Tense } from './story-verbs.ts'

/** Sentences that change nothing. No place and no thing of the lexicon occurs in them. */
const fillers: readonly string[] = [
  'the {sky} <be!> {grey}',
  'the {sky} <turn> {grey}',
  'the {sky} <seem!> {grey} that day',
  'a {cold} wind <begin> to blow',
  'it <be!> a {cold} day',
  'it <begin> to {rain}',
  'it <stop> to {rain} only for a moment',
  'the sun <shine!> through the leaves',
  '{animalA} <sleep!> in the shade',
  '{animalA} <run> across the road',
  '{animalA} <follow> {n} for a while',
  '{animalA} <look!> at {n}',
  '{animalA} and {animalB} <play+> in the grass',
  'two small {animals} <play+> in the grass',
  '{n} <see> {animalA} behind the hedge',
  '{n} <hear> {animalA} far away',
  '{n} <think!> of {animalA} with {grey} eyes',
  '{n} <feel!> {happy}',
  '{n} <feel!> {happy} and a little {happier}',
  '{n} <be!> {happy}',
  '{n} <seem!> {happy} all day',
  '{n} <hum> an old tune',
  '{n} <sing> a song about the sea',
  '{n} <yawn> and <look> around',
  '{n} <smile> and <say> nothing',
  '{n} <laugh> about an old joke',
  '{n} <count> the clouds',
  '{n} <listen> to the wind',
  '{n} <dream> of far countries',
  '{n} <remember> a summer long ago',
  '{n} <talk> with {role} about the weather',
  '{n} <want!> to become {aRole} one day',
  '{n} <wonder> what the time <be!>',
  '{n} <tell> a story about {animalA}',
  '{n} <tell> {role} a story',
  '{n} <like!> the smell of {smell}',
  '{n} <rest> for a moment',
  '{n} <think> about {smell} and about {animalA}',
  '{role} <ask> {n} the way',
  '{role} <smile> at {n}',
  '{role} <talk> to {role} about {smell}',
  '{role} <sing> in a low voice',
  '{role} <wait!> for better times',
  'somewhere a door <slam>',
  'nobody <speak> for a while',
  'nothing <happen> for a while',
  'everything <be!> quiet',
  'there <be!> a smell of {smell}',
  'the whole town <smell!> of {smell}',
  'far away {animalA} <call>',
  'time <pass> slowly',
  'the hours <pass+> quickly',
  'the shadows <grow+> longer',
  'the people <talk+> about {smell}',
  'some <say+> that {aRole} could talk to {animals}',
  'they <say+> it would {rain} the next day',
  '"What a {cold} day," <say> {n}',
  '"I am {happy}," <say> {n} to {role}',
  '"Do you hear {animalA}?" <ask> {n}',
  '"It will {rain} soon," <whisper> {role}',
  '"Good morning," <say> {role} to {n}',
  '"Have you ever seen {animalA} with a {cold} nose?" <ask> {role}',
  '"Nobody knows what tomorrow brings," <say> {role}',
  '"I once knew {aRole} who could sing," <say> {n}',
]

const moods: readonly string[] = [
  ...[
    'happy',
    'sad',
    'tired',
    'hungry',
    'thirsty',
    'proud',
    'calm',
    'nervous',
    'curious',
    'lonely',
    'cheerful',
    'sleepy',
  ],
  ...[
    'angry',
    'brave',
    'shy',
    'bored',
    'grateful',
    'restless',
    'jealous',
    'hopeful',
    'afraid',
    'confused',
    'lucky',
  ],
]

const animalsMany: readonly string[] = [
  'birds',
  'cats',
  'dogs',
  'ducks',
  'frogs',
  'goats',
  'hens',
  'horses',
  'bees',
  'crows',
]

const colours: readonly string[] = [
  'grey',
  'blue',
  'red',
  'dark',
  'bright',
  'clear',
  'pale',
  'golden',
  'purple',
  'black',
]

const weathers: readonly string[] = [
  'cold',
  'warm',
  'mild',
  'long',
  'short',
  'strange',
  'fine',
  'wet',
  'dry',
  'damp',
]

const smells: readonly string[] = [
  'bread',
  'smoke',
  'rain',
  'hay',
  'coffee',
  'cinnamon',
  'salt',
  'snow',
  'roses',
  'wood',
]

/** One such sentence, about somebody of `who`. */
export function fillerSentence(rng: Rng, who: readonly string[] = names, tense: Tense = 'past'): string {
  return sentence(fillerClause(rng, pickFrequent(rng, who), tense))
}

/** The same without capital letter and full stop, about the person. */
export function fillerClause(rng: Rng, person: string, tense: Tense): string {
  return expand(pick(rng, fillers), tense, {
    n: person,
    animals: pick(rng, animalsMany),
    animalA: withArticle(pickFrequent(rng, animals)),
    animalB: withArticle(pickFrequent(rng, animals)),
    aRole: withArticle(pickFrequent(rng, roles)),
    role: `the ${pickFrequent(rng, roles)}`,
    sky: pick(rng, ['sky', 'sea', 'evening', 'horizon', 'morning', 'moon']),
    grey: pick(rng, colours),
    cold: pick(rng, weathers),
    rain: pick(rng, ['rain', 'snow', 'hail', 'thunder']),
    happy: pick(rng, moods),
    happier: pick(rng, moods),
    smell: pick(rng, smells),
  })
}
