/** Control characters, among them those that begin a terminal's commands, and marks that turn the direction of what follows. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/**
 * Text of a stranger's file as a terminal may show it: what would move its cursor, colour it or turn it round is written out.
 *
 * @param text  of one line
 */
export function printable(text: string): string {
  return text.replace(CONTROLS, found => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
