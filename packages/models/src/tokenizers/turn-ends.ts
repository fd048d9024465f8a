/**
 * Special tokens that end a turn or a text in families of models: where files name no end but one, generation stops at these too.
 */
const TURN_ENDS: readonly string[] = [
  '<|im_end|>',
  '<|eot_id|>',
  '<|eom_id|>',
  '<|eot|>',
  '<end_of_turn>',
  '<turn|>',
  '<|end|>',
  '<|return|>',
  '<|call|>',
  '<|end_of_turn|>',
  '<|END_OF_TURN_TOKEN|>',
  '[|endofturn|]',
  '<|end_of_text|>',
  '<|endoftext|>',
  '<｜end▁of▁sentence｜>',
  '<end_of_utterance>',
  '<|user|>',
  '<|observation|>',
  '</s>',
]

/** The ids among special tokens that end a turn. */
export function turnEnds(specialIdOf: (token: string) => number | undefined): readonly number[] {
  // Where these exist, <|end|> only ends one message of several.
  const messages = specialIdOf('<|return|>') !== undefined
  return TURN_ENDS.filter(token => !(messages && token === '<|end|>'))
    .map(specialIdOf)
    .filter(id => id !== undefined)
}
