/** A reader, with valid files to change. */
export interface FuzzTarget {
  readonly name: string
  readonly seeds: readonly Uint8Array[]
  /** How many bytes of one array a byte of the file may become. */
  readonly expansion: number
  /** Opens a file and reads all that is in it. */
  read(file: Uint8Array): Promise<void>
}
