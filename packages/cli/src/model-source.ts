import { folderCache, type SourceOptions, webUrl } from '@tersor/formats'
import { type ModelFile, openModel } from '@tersor/models'
import type { Terminal } from './command/command.ts'
import type { Flag } from './command/flag.ts'
import { kinds } from './method-lists.ts'
import { modelPath } from './model-path.ts'
import { type Progress, progressOf } from './terminal/progress.ts'

/** A tenth of a megabyte: what a progress line shows of bytes. */
const SHOWN_BYTES = 1e5

/** What is read from the environment, and nothing else. */
export const environmentHelp =
  'For models on the Hub, HF_TOKEN is sent where it is set, and HF_ENDPOINT says where the Hub is.'

export const cacheFlag = {
  type: 'string',
  value: 'DIR',
  help: 'keeps the files of a model on a server or the Hub in this folder, as a whole; without it only what is needed is read, and nothing is kept',
} as const satisfies Flag

interface Wanted {
  /** The folder of a cache. */
  readonly cache?: string | undefined
  /** Says nothing but the result. */
  readonly json?: boolean | undefined
}

/** Opens the model that a command was given: by its path, its URL, its name on the Hub, or the name of a bundled one. */
export async function openGiven(given: string, wanted: Wanted, terminal: Terminal): Promise<ModelFile> {
  const path = modelPath(given)
  const download = downloadProgress(terminal, wanted.json === true)
  const options = remoteOptions(path, process.env)
  const cache = wanted.cache === undefined ? undefined : folderCache(wanted.cache)
  try {
    return await openModel(path, {
      ...options,
      cache,
      kinds,
      signal: terminal.signal,
      onProgress: download.update,
    })
  } finally {
    download.end()
  }
}

/** How a server is asked: the Hub, and no other, with the token of the environment. */
export function remoteOptions(
  path: string,
  { HF_ENDPOINT: hub, HF_TOKEN: token }: Readonly<Record<string, string | undefined>>,
): SourceOptions {
  const options = { hub: hub || undefined }
  const isOnHub = webUrl(path, options)?.origin === webUrl('hf:owner/name', options)?.origin
  return token && isOnHub ? { ...options, headers: { authorization: `Bearer ${token}` } } : options
}

/** A line for each file that is downloaded, in megabytes. */
function downloadProgress(terminal: Terminal, quiet: boolean) {
  let [shown, line]: [string, Progress | undefined] = ['', undefined]
  const end = () => {
    line?.end()
    line = undefined
  }
  const megabytes = (bytes: number) => Math.round(bytes / SHOWN_BYTES) / 10
  const update = (done: number, total: number, name: string) => {
    if (line === undefined || shown !== name) {
      end()
      shown = name
      line = progressOf(terminal, `downloading ${name}, MB`, { quiet })
    }
    line.update(megabytes(done), megabytes(total))
    if (done === total) end()
  }
  return { update, end }
}
