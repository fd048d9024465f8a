import type { RandomAccess } from '../random-access.ts'

/**
 * Where files from servers are kept, such as {@link folderCache}; a page can keep them in its private file system. It knows
 * keys and bytes: what a key stands for, and whether the bytes are right, is found out by whoever fills it.
 */
export interface FileCache {
  /** A file that is here as a whole; closing it says that it is not used any more. */
  open(key: string): Promise<RandomAccess | undefined>
  /** Begins a file, or goes on with one whose writing was stopped. Nobody else gets the same one until it is closed. */
  write(key: string, byteLength: number): Promise<CacheWriter>
  /** Forgets a file that is here as a whole. */
  remove(key: string): Promise<void>
}

/**
 * A file that is not whole yet. Its `byteLength` grows, and begins above 0 where an earlier one is gone on with.
 * Closing keeps what is there for the next one.
 */
export interface CacheWriter extends RandomAccess {
  append(bytes: Uint8Array): Promise<void>
  /** Makes it whole and opens it: only now {@link FileCache.open} finds it. */
  finish(): Promise<RandomAccess>
  /** Forgets what was written. */
  drop(): Promise<void>
}
