import type { Answer, Compressed, Request } from './messages.ts'
import { bytesText, decibelsText, timeLeftText } from './quantity-text.ts'
import { tabMemory } from './tab-memory.ts'
import { takeFiles } from './take-files.ts'

const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })

const find = <T extends HTMLElement>(selector: string) => document.querySelector<T>(selector)!
const [load, write] = [find<HTMLFormElement>('#load'), find<HTMLFormElement>('#write')]
const progress = find<HTMLProgressElement>('#progress')
const say = (id: string, text: string) => {
  find(`#${id}`).textContent = text
}

/** Files instead of the URL, until that is changed. */
let files: readonly File[] = []
/** When the stage that is worked on began. */
let stage = { name: '', since: 0 }
/** When memory was measured last, and how often it is while the worker works, in milliseconds. */
let measured = 0
const MEASURE_EVERY = 5000

/** While the worker works nothing else can be asked of it but to stop. */
function ask(request: Request): void {
  busy(true)
  worker.postMessage(request)
}

function loadGiven(): void {
  const values = new FormData(load)
  const url = String(values.get('url')).trim()
  say('fetched', '–')
  ask({
    kind: 'load',
    given:
      files.length > 0
        ? { files }
        : { url: new URL(url, location.href).href, keep: values.get('keep') !== null },
    bits: Number(values.get('bits')),
    device: values.get('device') as 'wasm' | 'webgpu',
  })
  showResult(undefined)
  runnable(false)
}

const given = find('#given').textContent
const useFiles = (chosen: readonly File[]) => {
  files = chosen
  say('given', chosen.length === 0 ? given : chosen.map(({ name }) => name).join(', '))
}
takeFiles(document.body, find<HTMLInputElement>('#drop input'), chosen => {
  if (document.body.hasAttribute('aria-busy')) return
  useFiles(chosen)
  loadGiven()
})
find('#load [name=url]').addEventListener('input', () => useFiles([]))
load.addEventListener('submit', event => {
  event.preventDefault()
  loadGiven()
})

write.addEventListener('submit', event => {
  event.preventDefault()
  const values = new FormData(write)
  ask({
    kind: 'write',
    prompt: String(values.get('prompt')),
    maxTokens: Number(values.get('maxTokens')),
    temperature: Number(values.get('temperature')),
  })
})
find('#compare').addEventListener('click', () =>
  ask({ kind: 'compare', text: String(new FormData(write).get('prompt')) }),
)
find('#forget').addEventListener('click', () => ask({ kind: 'forget' }))
find('#stop').addEventListener('click', () => worker.postMessage({ kind: 'stop' } satisfies Request))

worker.addEventListener('message', ({ data }: MessageEvent<Answer>) => {
  switch (data.kind) {
    case 'progress':
      showProgress(data)
      break
    case 'compressed':
      say('stored', bytesText(data.result.originalBytes))
      showResult(data.result)
      break
    case 'loaded':
      say('held', bytesText(data.heldBytes))
      say('device', data.device)
      runnable(true)
      break
    case 'text':
      say('text', data.text)
      say('speed', `${(data.tokens / data.seconds).toFixed(1)} tokens/s`)
      break
    case 'compared':
      for (const which of ['original', 'compressed'] as const) {
        say(`${which}-perplexity`, data[which].perplexity.toFixed(3))
        say(`${which}-speed`, data[which].tokensPerSecond.toFixed(1))
      }
      break
    case 'done':
      say('status', data.note)
      busy(false)
      break
    case 'stopped':
      say('status', 'Stopped.')
      busy(false)
      break
    case 'problem':
      say('status', '')
      say('problem', data.message)
      busy(false)
  }
})
worker.addEventListener('error', event => say('problem', `the worker ended: ${event.message}`))

function busy(is: boolean): void {
  if (is) say('problem', '')
  if (is) progress.removeAttribute('value')
  document.body.toggleAttribute('aria-busy', is)
  find('#work').hidden = !is
  for (const form of [load, write]) form.inert = is
  showMemory()
}

/** Browsers take a while to measure, and it is asked at the ends of work and now and then between. */
function showMemory(): void {
  measured = performance.now()
  tabMemory().then(bytes => {
    if (bytes !== undefined) say('tab', bytesText(bytes))
  })
}

function runnable(is: boolean): void {
  for (const button of write.querySelectorAll('button')) button.disabled = !is
}

function showProgress({ stage: name, done, total, tensors }: Answer & { kind: 'progress' }): void {
  const now = performance.now()
  if (stage.name !== name) stage = { name, since: now }
  if (now - measured > MEASURE_EVERY) showMemory()
  progress.value = total === 0 ? 0 : done / total
  const counts = tensors === undefined ? '' : `, ${tensors[0]} of ${tensors[1]} tensors`
  const amounts =
    name === 'scoring' ? `${done} of ${total} tokens` : `${bytesText(done)} of ${bytesText(total)}`
  if (name !== 'scoring') say('fetched', bytesText(done))
  say('status', `${name}: ${amounts}${counts}${timeLeftText(now - stage.since, done, total)}`)
}

function showResult(result: Compressed | undefined): void {
  for (const link of find('#downloads').querySelectorAll('a')) URL.revokeObjectURL(link.href)
  find('#downloads').replaceChildren(...(result?.files ?? []).flatMap(file => [linkTo(file), ' ']))
  find('#result').hidden = result === undefined
  for (const id of ['original-perplexity', 'compressed-perplexity', 'original-speed', 'compressed-speed'])
    say(id, '–')
  if (result === undefined) return
  say('original-bytes', bytesText(result.originalBytes))
  say('compressed-bytes', bytesText(result.fileBytes))
  say('original-bits', result.bitsPerWeight.original.toFixed(2))
  say('compressed-bits', result.bitsPerWeight.compressed.toFixed(2))
  const { snr, worst } = result.loss
  say('snr', decibelsText(snr))
  say('worst', worst === undefined ? '–' : `${worst.name}, ${decibelsText(worst.snr)}`)
  say('where', result.where)
}

function linkTo(file: File): HTMLAnchorElement {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(file)
  link.download = file.name
  link.textContent = `${file.name} (${bytesText(file.size)})`
  return link
}
