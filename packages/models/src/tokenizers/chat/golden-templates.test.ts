import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { TersorError } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { type ChatMessage, renderChat } from './render-chat.ts'

const golden = new URL('../../../../../../shared/data/golden/chat-templates/', import.meta.url)

interface Rendered {
  readonly template: string
  readonly bos_token: string
  readonly eos_token: string
  readonly cases: Readonly<Record<string, { text?: string; error?: string }>>
}

interface Conversations {
  readonly tools: object[]
  readonly cases: readonly {
    readonly name: string
    readonly messages: ChatMessage[]
    readonly options: { tools?: boolean; add_generation_prompt?: boolean; [variable: string]: unknown }
  }[]
}

const json = <T>(name: string): T => JSON.parse(readFileSync(new URL(name, golden), 'utf8'))

describe.skipIf(!existsSync(golden))('golden conversations (need ../shared/data)', () => {
  const files = existsSync(golden) ? readdirSync(new URL('expected/', golden)) : []
  it('has all templates', () => expect(files.length).toBe(25))

  it.each(files)('%s', file => {
    const { tools, cases } = json<Conversations>('cases.json')
    const expected = json<Rendered>(`expected/${file}`)
    const template = readFileSync(new URL(`templates/${expected.template}`, golden), 'utf8')
    const specialTokens: Record<string, string> = {}
    if (expected.bos_token !== '') specialTokens.bos_token = expected.bos_token
    if (expected.eos_token !== '') specialTokens.eos_token = expected.eos_token
    const lenient: string[] = []
    for (const { name, messages, options } of cases) {
      const { tools: withTools, add_generation_prompt: addGenerationPrompt, ...variables } = options
      const render = () =>
        renderChat(template, messages, {
          ...{ addGenerationPrompt, variables, specialTokens },
          tools: withTools === true ? tools : undefined,
          now: new Date(2025, 6, 14, 12, 34, 56),
        })
      const { text, error } = expected.cases[name]!
      if (text !== undefined) expect(render(), name).toBe(text)
      else {
        try {
          render()
          lenient.push(`${name}: ${error}`)
        } catch (thrown) {
          expect(thrown, name).toBeInstanceOf(TersorError)
        }
      }
    }
    expect(lenient).toEqual([])
  })
})
