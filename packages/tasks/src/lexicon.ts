/**
 * The words that generated texts are about. No word is in two lists, so that a reader always knows whether
 * a word is a person, a place or a thing. Short words come first: `pickFrequent` draws them more often, as
 * languages do, and a small vocabulary has tokens for them.
 */

/** Names that `she` stands for. */
export const women: readonly string[] = /* @__PURE__ */ words(`
  Ada Agnes Aisha Alba Alice Alma Amara Amina Anita Anna Anya Asta Bea Bella Carla Celia Chloe Clara Cora
  Dana Delia Diana Dina Dora Edith Eira Elena Elin Elise Ella Elsa Emma Erika Esme Eva Farah Fiona Frida
  Gemma Gerda Gina Greta Hana Heidi Helga Hilda Ida Imani Ines Inga Irene Irma Isla Ivana Jana Jane Joan
  Julia Kaia Karin Katja Kira Klara Lara Laura Layla Leah Lena Lia Lina Linda Lisa Livia Lola Lotte Lucia
  Luna Lydia Mabel Maja Mara Maria Marta Maya Mei Mila Mina Mira Molly Mona Nadia Naomi Nela Nina Noor Nora
  Olga Paula Petra Polly Priya Rana Rita Rosa Runa Ruth Salma Sara Selma Signe Sofia Suki Susan Svea Sybil
  Tanja Tara Tessa Thea Tilda Ulla Uma Vera Wanda Wilma Yara Yuki Zara Zelda Zoe`)

/** Names that `he` stands for. */
export const men: readonly string[] = /* @__PURE__ */ words(`
  Aaron Abel Adam Ahmed Alan Amir Andre Anton Arlo Arne Axel Ben Bilal Boris Bram Bruno Caleb Carl Cesar
  Claus Cyrus Dario David Diego Edgar Edwin Elias Emil Enzo Erik Ernst Ethan Evan Ezra Felix Finn Frank
  Franz Fritz Georg Hamid Harry Hasan Henry Hugo Igor Ilya Isaac Ivan Ivo Jacob Jakub James Jan Jens Joel
  Johan Jonas Jorge Josef Karim Karl Kenji Kevin Klaus Knut Kofi Kurt Lars Lasse Leo Leon Levi Liam Linus
  Logan Louis Luca Lukas Malik Marco Marek Max Milo Mohan Ned Nico Niels Nils Noah Olaf Omar Oscar Otto
  Pablo Paul Pavel Pedro Peter Piotr Ralph Ramon Raul Reza Rolf Roman Rufus Samir Sean Simon Sven Tariq Theo
  Tim Tom Vito Xaver Yusuf Zeno`)

/** Where one is *in*. */
export const placesIn: readonly string[] = /* @__PURE__ */ words(`
  alley aquarium arcade archive attic bakery ballroom bank barn basement bathroom bedroom bookshop cabin
  cafe canyon castle cathedral cave cellar chapel church cinema circus classroom corridor cottage courtyard
  desert dungeon factory forest gallery garage garden gym hallway hospital hotel inn jungle kitchen laundry
  library lobby lounge meadow monastery museum nursery office orchard palace pantry park pharmacy prison
  salon sauna sawmill school stable stadium studio swamp tavern temple tent theatre tower tunnel valley
  village vineyard warehouse workshop zoo`)

/** Where one is *at*. */
export const placesAt: readonly string[] = /* @__PURE__ */ words(`
  airport beach border bridge campsite crossroads dock farm fountain gate harbour lake lighthouse market
  mill pier playground plaza quarry racetrack river shipyard station waterfall windmill`)

/** Where one is *on*. */
export const placesOn: readonly string[] = /* @__PURE__ */ words(`
  balcony deck hill island mountain platform roof stage terrace`)

/** Things that somebody can carry. */
export const objects: readonly string[] = /* @__PURE__ */ words(`
  acorn anchor apple arrow atlas axe backpack ball banana bandage banjo banner barrel basin basket battery
  bell belt biscuit blanket book boot bottle bowl box bracelet brick broom bucket button cabbage cake camera
  candle cap carpet carrot cello chain chair cheese clock coat coconut coin comb compass crate crown crystal
  cup curtain diamond diary dice doll drum emerald envelope fan feather fig flag flask flute fork globe
  glove guitar hammer harp hat helmet hook hose jacket jar jug kettle key kite knife ladder lamp lantern
  lemon lens loaf magnet mango map marble mask medal melon mirror mop muffin mug nail napkin necklace needle
  net notebook oar onion paddle padlock painting pan pancake parasol parcel passport peach pear pebble pen
  pencil pie pillow pipe plate plum portrait pot potato pretzel pumpkin puppet purse puzzle racket radio
  rake rattle razor recipe ribbon ring rope saddle sandal sandwich saucer sausage scarf scooter screw scroll
  shell shield shovel sledge slipper soap sock spade spear sponge spoon stamp statue stool suitcase sword
  teapot ticket tile torch towel tray trumpet tuba turnip umbrella vase viola violin waffle wallet walnut
  wheel whip whistle wig`)

/** What tells one thing from another. */
export const adjectives: readonly string[] = /* @__PURE__ */ words(`
  black blue broken brown cheap clean cold dusty golden green grey heavy large new old painted pink pretty
  purple red round rusty shiny silver small soft spare square strange tiny torn warm white wooden yellow`)

/** Animals pass through the stories; nobody asks about them. */
export const animals: readonly string[] = /* @__PURE__ */ words(`
  badger bear bee beetle cat crow deer dog donkey duck fox frog goat goose hedgehog hen heron horse lizard
  moth mouse otter owl pigeon pony rabbit sheep snail sparrow spider squirrel swan toad wolf`)

/** What people do for a living. */
export const roles: readonly string[] = /* @__PURE__ */ words(`
  baker builder butcher clerk cook dancer doctor driver farmer fisher gardener guard hunter judge merchant
  miller musician nurse painter pilot poet potter printer sailor shepherd singer student tailor teacher
  weaver`)

/** Every name. */
export const names: readonly string[] = /* @__PURE__ */ join(women, men)

/** Every place. */
export const places: readonly string[] = /* @__PURE__ */ join(placesIn, placesAt, placesOn)

/** Every word of the lists above. */
export const lexicon: readonly string[] = /* @__PURE__ */ join(
  women,
  men,
  placesIn,
  placesAt,
  placesOn,
  objects,
  adjectives,
  animals,
  roles,
)

function words(text: string): readonly string[] {
  return join(text.trim().split(/\s+/))
}

function join(...lists: readonly (readonly string[])[]): readonly string[] {
  return Object.freeze(lists.flat().sort((a, b) => a.length - b.length))
}
