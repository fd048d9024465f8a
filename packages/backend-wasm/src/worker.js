// Runs in a worker: takes parts of jobs from the control block until it is told to go and read its messages. Plain
// JavaScript without imports, so that Node and bundlers load the same file from `src` and from `dist`.

const port =
  typeof self !== 'undefined' && typeof self.postMessage === 'function'
    ? self
    : process.getBuiltinModule('node:worker_threads').parentPort

/** How long to look for work before sleeping; a job often follows another. */
const SPIN_MS = 0.05

let layout
let control
let numbers
let index
let names
let modules
/** The kernels of each memory. */
const kernels = []
let messages = 0

const listen = listener => {
  if (port.on) port.on('message', listener)
  else port.onmessage = ({ data }) => listener(data)
}

listen(message => {
  messages++
  if (message.start) ({ layout, control, numbers, index, names, modules } = message.start)
  if (message.memory) {
    const every = {}
    for (const module of modules) {
      Object.assign(every, new WebAssembly.Instance(module, { env: { memory: message.memory } }).exports)
    }
    kernels.push(names.map(name => every[name]))
  }
  Atomics.store(control, layout.workers + index, layout.ready)
  serve()
})

function serve() {
  let idleSince = performance.now()
  while (Atomics.load(control, layout.messages + index) === messages) {
    const ticket = Atomics.load(control, layout.ticket)
    if ((ticket & 255) === 0) {
      if (performance.now() - idleSince < SPIN_MS) continue
      Atomics.add(control, layout.sleepers, 1)
      Atomics.wait(control, layout.ticket, ticket)
      Atomics.sub(control, layout.sleepers, 1)
      continue
    }
    // Looked at after the ticket: a job in a memory that this worker has no word of yet is for others.
    if (Atomics.load(control, layout.messages + index) !== messages) return
    if (Atomics.compareExchange(control, layout.ticket, ticket, ticket - 1) !== ticket) continue
    work((ticket & 255) - 1)
    idleSince = performance.now()
  }
}

function work(part) {
  try {
    const count = control[layout.count]
    const kernel = kernels[control[layout.arena]][control[layout.kernel]]
    kernel(...numbers.subarray(0, count), part, control[layout.parts])
  } catch {
    Atomics.store(control, layout.failed, 1)
  }
  Atomics.add(control, layout.done, 1)
  Atomics.notify(control, layout.done)
}
