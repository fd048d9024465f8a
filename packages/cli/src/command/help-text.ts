import type { Command } from './command.ts'
import { commonFlags, type Flag } from './flag.ts'

const WIDTH = 100

/** What a command says of itself with `--help`. */
export function helpText(name: string, command: Command, args: readonly string[]): string {
  const flags = Object.entries({ ...command.flags(args), ...commonFlags })
  const more = command.more === undefined ? '' : `\n${command.more(args)}`
  return `tersor ${name} ${command.usage}\n\n${filled(command.about)}\n\n${flagLines(flags)}${more}`
}

/** A line for each flag, with what it does beside it. */
export function flagLines(flags: readonly (readonly [name: string, flag: Flag])[]): string {
  const heads = flags.map(([name, { short, value }]) =>
    [short === undefined ? '' : `-${short}, `, `--${name}`, value === undefined ? '' : ` ${value}`].join(''),
  )
  return columns(heads.map((head, i) => [head, flags[i]![1].help]))
}

/** Terms with their explanations beside them. */
export function columns(rows: readonly (readonly [term: string, words: string])[]): string {
  const indent = 4 + Math.max(0, ...rows.map(([term]) => term.length))
  return rows
    .map(([term, words]) => {
      const text = filled(words, WIDTH - indent).replaceAll('\n', `\n${' '.repeat(indent)}`)
      return `  ${term}`.padEnd(indent) + text
    })
    .map(line => `${line}\n`)
    .join('')
}

/** Words in lines of at most `width` characters; line breaks of the text stay. */
export function filled(text: string, width = WIDTH): string {
  return text
    .split('\n')
    .map(line => {
      const lines = ['']
      for (const word of line.split(' ')) {
        const last = lines.at(-1)!
        if (last === '') lines[lines.length - 1] = word
        else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
        else lines.push(word)
      }
      return lines.join('\n')
    })
    .join('\n')
}
