import type { Answer, Request } from './messages.ts'

const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
const ask = (request: Request) => worker.postMessage(request)

const find = <T extends HTMLElement>(selector: string) => document.querySelector<T>(selector)!
const [load, write] = [find<HTMLFormElement>('#load'), find<HTMLFormElement>('#write')]
const progress = find<HTMLProgressElement>('#progress')
const say = (id: string, text: string) => {
  find(`#${id}`).textContent = text
}

load.addEventListener('submit', event => {
  event.preventDefault()
  const values = new FormData(load)
  busy(true)
  progress.hidden = false
  ask({
    kind: 'load',
    url: new URL(String(values.get('url')), location.href).href,
    bits: Number(values.get('bits')),
    device: values.get('device') as 'wasm' | 'webgpu',
  })
})

write.addEventListener('submit', event => {
  event.preventDefault()
  const values = new FormData(write)
  busy(true)
  ask({
    kind: 'write',
    prompt: String(values.get('prompt')),
    maxTokens: Number(values.get('maxTokens')),
    temperature: Number(values.get('temperature')),
  })
})

worker.addEventListener('message', ({ data }: MessageEvent<Answer>) => {
  switch (data.kind) {
    case 'progress':
      progress.value = data.done / data.total
      say('fetched', bytes(data.fetchedBytes))
      break
    case 'loaded':
      progress.hidden = true
      say('stored', bytes(data.storedBytes))
      say('held', bytes(data.heldBytes))
      say('device', data.device)
      busy(false)
      find('#write button').removeAttribute('disabled')
      break
    case 'text':
      say('text', data.text)
      say('speed', `${(data.tokens / data.seconds).toFixed(1)} tokens/s`)
      break
    case 'done':
      busy(false)
      break
    case 'problem':
      progress.hidden = true
      say('problem', data.message)
      busy(false)
  }
})
worker.addEventListener('error', event => say('problem', `the worker ended: ${event.message}`))

/** While the worker works nothing else can be asked of it. */
function busy(is: boolean): void {
  if (is) say('problem', '')
  document.body.toggleAttribute('aria-busy', is)
  for (const form of [load, write]) form.inert = is
}

function bytes(count: number): string {
  return count < 1e6 ? `${(count / 1e3).toFixed(1)} kB` : `${(count / 1e6).toFixed(2)} MB`
}
