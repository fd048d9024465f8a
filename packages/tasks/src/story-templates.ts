/**
 * How the stories say what happens. Slots: `{a}` who does it (a pronoun where it is the first word and everybody
 * knows who is meant), `{n}` the same person by name, `{b}` another person, `{x}` the thing (`{X}` when it is new
 * and has an indefinite article), `{to}`, `{in}` and `{place}` the place, `{here}` the place that is left, `{his}`
 * by the doer.
 */
export const storyTemplates = {
  /** Somebody goes somewhere. */
  move: [
    '{a} <go> {to}',
    '{a} <walk> {to}',
    '{a} <run> {to}',
    '{a} <hurry> {to}',
    '{a} <rush> {to}',
    '{a} <move> {to}',
    '{a} <travel> {to}',
    '{a} <stroll> over {to}',
    '{a} <head> {to}',
    '{a} <return> {to}',
    '{a} <slip> away {to}',
    '{a} <make> {his} way {to}',
    '{a} <leave> {here} and <go> {to}',
    '{a} <leave> {here} for {place}',
    '{a} <ride> {his} bicycle {to}',
    '{a} <catch> the bus {to}',
    '{a} <set> off and soon <reach> {place}',
    '{a} <decide> to go {to} and <leave> at once',
    '{a} <creep> {to} on tiptoe',
    'from {here} {n} <walk> {to}',
    'tired of {here}, {n} <go> {to}',
    'nobody <see!> how {n} <creep!> {to}',
    'it <be!> time to go, so {n} <walk!> {to}',
    'the next stop for {n} <be!> {place}',
    'without a word {n} <head> {to}',
    '"I am going {to}," <say> {n}, and <leave> at once',
    '"Time for {place}," <say> {n}, and <go> there',
    '"I have nothing to do here," <say> {n}, and <walk> {to}',
  ],
  /** Two who are in one place go somewhere. */
  together: [
    '{n} and {b} <go+> {to} together',
    '{n} and {b} <walk+> {to} side by side',
    '{n} and {b} <run+> {to}',
    '{n} and {b} <leave+> {here} for {place}',
    '{n} <take> {b} along {to}',
    '{n} <lead> {b} {to}',
    'hand in hand {n} and {b} <go+> {to}',
    'laughing, {n} and {b} <hurry+> {to}',
    '"Come with me," <say> {n} to {b}, and they <go+> {to}',
    '"Shall we go {to}?" <ask> {n}, and {b} <follow> {n} there',
  ],
  /** Somebody takes a thing that lies there. */
  take: [
    '{a} <take> {x}',
    '{a} <pick> up {x}',
    '{a} <grab> {x}',
    '{a} <get> hold of {x}',
    '{a} <collect> {x}',
    '{a} <decide> to take {x}',
    '{a} <lift> {x} and <keep> it',
    '{a} <reach> for {x} and <take> it',
    '{a} <see> {x} there and <pick> it up',
    '{x} <lie!> there, and {n} <pick!> it up',
    'without asking, {n} <take> {x}',
    'nobody <need!> {x}, so {n} <take!> it',
    '"This will be useful," <say> {n}, and <take> {x}',
    '"Is that {x}?" <ask> {n}, and <pick> it up',
  ],
  /** Somebody gets a thing that was not there before. */
  find: [
    '{a} <find> {X} and <take> it',
    '{a} <discover> {X} and <keep> it',
    '{a} <buy> {X}',
    '{a} <catch> sight of {X} and <pick> it up',
    'somebody had lost {X}, and {n} <pick!> it up',
    'a stranger <give> {n} {X}',
    'an old friend <present> {n} with {X}',
    '"Look, {X}!" <say> {n}, and <take> it',
  ],
  /** Somebody puts a thing down, and the text says where. */
  drop: [
    '{a} <leave> {x} {in}',
    '{a} <put> {x} down {in}',
    '{a} <drop> {x} {in}',
    '{a} <hide> {x} {in}',
    '{a} <forget> {x} {in}',
    '{a} <lay> {x} aside {in}',
    '{a} <set> {x} down {in}',
    '{x} <seem!> too heavy, so {n} <leave!> it {in}',
    '"I do not need {x} any more," <say> {n}, and <leave> it {in}',
  ],
  /** Somebody puts a thing down wherever it happens. */
  dropHere: ['{a} <put> {x} down', '{a} <drop> {x}', '{a} <lay> {x} aside', '{a} <let!> go of {x}'],
  /** Somebody gives a thing to another who is there. */
  give: [
    '{a} <give> {x} to {b}',
    '{a} <give> {b} {x}',
    '{a} <hand> {x} to {b}',
    '{a} <hand> {b} {x}',
    '{a} <pass> {x} to {b}',
    '{a} <lend> {x} to {b}',
    '{a} <sell> {x} to {b}',
    '{a} <toss> {x} to {b}',
    '{a} <present> {b} with {x}',
    '{a} <offer> {x} to {b}, who <take> it gladly',
    '{b} <receive> {x} from {n}',
    '{b} <take> {x} from {n}',
    '{b} <borrow> {x} from {n}',
    '{b} <buy> {x} from {n}',
    '{b} <snatch> {x} from {n}',
    '{b} <ask> for {x}, and {n} <hand> it over',
    '"Take {x}," <say> {n} to {b}, and {b} <take> it',
    '"Please keep {x} for me," <say> {n}, and <give> it to {b}',
    '"May I have {x}?" <ask> {b}, and {n} <pass> it to {b}',
  ],
  /** Where somebody is when the story begins. */
  introduce: [
    '{n} <be!> {in}',
    '{n} <stand!> {in}',
    '{n} <wait!> {in}',
    '{n} <sit!> {in}',
    '{n} <work!> {in}',
    '{n}, {aRole}, <be!> {in}',
    '{n}, {aRole}, <work!> {in}',
    '{n} <spend!> the morning {in}',
    '{in} {n} <wait!> for a friend',
    'that day {n} <be!> {in}',
    'the story <begin!> with {n} {in}',
    'at first {n} <be!> {in}',
  ],
  /** The same with something in hand. */
  introduceWith: [
    '{n} <be!> {in} with {X}',
    '{n} <stand!> {in} and <hold!> {X}',
    '{n} <carry!> {X} around {in}',
    '{n}, {aRole}, <wait!> {in} with {X}',
    '{in} {n} <sit!> with {X}',
  ],
  /** Where a thing is when the story begins. */
  thing: [
    '{X} <lie!> {in}',
    'there <be!> {X} {in}',
    'somebody had left {X} {in}',
    '{in} <lie!> {X}',
    'nobody <know!> why {X} <lie!> {in}',
  ],
} as const

/** What may stand before something happens. */
export const openers: readonly string[] = [
  ...[
    'then ',
    'later ',
    'soon ',
    'after a while ',
    'a little later ',
    'at noon ',
    'at midnight ',
    'before sunset ',
  ],
  ...[
    'in the evening ',
    'the next day ',
    'the next morning ',
    'after lunch ',
    'after breakfast ',
    'all of a sudden ',
  ],
  ...[
    'once more ',
    'at last ',
    'meanwhile ',
    'by and by ',
    'an hour later ',
    'at that moment ',
    'when it got dark ',
  ],
  ...[
    'on Monday ',
    'on Tuesday ',
    'on Wednesday ',
    'on Thursday ',
    'on Friday ',
    'on Saturday ',
    'on Sunday ',
  ],
  ...['when the rain stopped ', 'to the surprise of all ', 'as usual ', 'half asleep ', 'after a long talk '],
]

/** What may stand after something happened. */
export const closers: readonly string[] = [
  ...[
    ' again',
    ' in a hurry',
    ' without a word',
    ' with a smile',
    ' as fast as possible',
    ' because it was late',
  ],
  ...[
    ' in good spirits',
    ' in the rain',
    ' after all',
    ' at dawn',
    ' one more time',
    ' for no reason',
    ' with great care',
  ],
]
