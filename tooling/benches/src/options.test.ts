import { expect, test } from 'vitest'
import { benchOptions } from './options.ts'

const kernels = ['linear4-1', 'topk-64']

test('options are read, in any of the forms', () => {
  const options = benchOptions(['--', '--quick', '--kernel=topk-64,linear4-1', '--threads', '2,1,2'], kernels)
  expect(options).toMatchObject({
    quick: true,
    json: false,
    kernels: ['topk-64', 'linear4-1'],
    threads: [1, 2],
  })
  expect(options.devices).toEqual(['wasm', 'native'])
  expect(benchOptions(['--device', 'wasm'], kernels)).toMatchObject({ devices: ['wasm'], kernels: undefined })
})

test('a wrong one is refused', () => {
  expect(() => benchOptions(['--kernel', 'top'], kernels)).toThrow('got top')
  expect(() => benchOptions(['--device', 'webgpu'], kernels)).toThrow('expected --device of wasm, native')
  for (const threads of ['0', 'x', '1.5', ''])
    expect(() => benchOptions([`--threads=${threads}`], kernels)).toThrow()
  expect(() => benchOptions(['--fast'], kernels)).toThrow()
})
