// The command
export { main } from './main.ts'
export { type RunOptions, run } from './run.ts'
export type { Streams } from './command/command.ts'
export { Interruption } from './command/interruption.ts'
