// The command
export { type RunOptions, run } from './run.ts'
export type { Streams } from './command/command.ts'
export { Interruption, STOPPING } from './command/interruption.ts'
