import { UnsupportedError } from '@tersor/core-tensor'
import { expect, it } from 'vitest'
import { byteOfCharacter } from './byte-characters.ts'
import { ggufPreTokenizer } from './gguf-pre-tokenizers.ts'
import { textOfBytes } from './utf8.ts'

const text = "I'M 12345 HTTPServer's\n\n  漢字½ if(x)!!, don't"

/** What the tokenizers library of Hugging Face (0.23) makes of it with the patterns of these families. */
const expected: [string, string][] = [
  ['llama-bpe', "I|'M| |123|45| HTTPServer|'s|\n\n| | 漢字|½| if|(x|)!!,| don|'t"],
  ['qwen2', "I|'M| |1|2|3|4|5| HTTPServer|'s|\n\n| | 漢字|½| if|(x|)!!,| don|'t"],
  ['gpt-2', "I|'|M| 12345| HTTPServer|'s|\n\n | 漢字|½| if|(|x|)!!,| don|'t"],
  ['smollm', "I|'|M| |1|2|3|4|5| HTTPServer|'s|\n\n | 漢字|½| if|(|x|)!!,| don|'t"],
  ['falcon', "I|'|M| |123|45| HTTPServer|'|s|\n\n | �|�|�字|�|�| if|(|x|)!!,| don|'|t"],
  ['gpt-4o', "I'M| |123|45| HTTPServer's|\n\n| | 漢字|½| if|(x|)!!,| don't"],
  ['tekken', "I|'M| |1|2|3|4|5| HTTPServer|'s|\n\n| | 漢字|½| if|(x|)!!,| don|'t"],
  ['deepseek-v3', "I|'M| |123|45| HTTPServer|'s|\n\n|  |漢字|½| if|(x|)!!,| don|'t"],
  ['deepseek-coder', "I|'|M| |1|2|3|4|5| HTTPServer|'|s|\n|\n| | |漢字|½| if|(|x|)!!,| don|'|t"],
  ['bloom', "I'M| 12345| HTTPServer's|\n\n | 漢字½| if|(|x|)!!,| don't"],
  ['tiny_aya', "I'M| |12|345| HTTPServer's|\n\n| | 漢字|½| if|(x|)!!,| don't"],
  ['superbpe', "I'M |12|345| HTTPServer's\n\n  漢字|½| if(x)!!, don't"],
  ['bailingmoe', "I|'M| |1|2|3|4|5| HTTPServer|'s|\n\n| | 漢字|½| if|(x|)!!,| don|'t"],
  ['kimi-k2', "I'M| |123|45| HTTPServer's|\n\n| | |漢字|½| if|(x|)!!,| don't"],
]

it.each(expected)('%s', (name, pieces) => {
  const cut = ggufPreTokenizer(name).preTokenize(text, true)
  const spelt = cut.map(piece => textOfBytes(Array.from(piece, character => byteOfCharacter(character)!)))
  expect(spelt.join('|')).toBe(pieces)
})

it('refuses a name that it does not know', () => {
  expect(() => ggufPreTokenizer('gpt-9')).toThrow(UnsupportedError)
  expect(() => ggufPreTokenizer('gpt-9')).toThrow(/got 'gpt-9'/)
})
