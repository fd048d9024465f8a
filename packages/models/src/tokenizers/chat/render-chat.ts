import { parse, tokenize } from '@huggingface/jinja'
import { FormatError, TersorError } from '@tersor/core-tensor'
import { strftime } from './strftime.ts'
import { TemplateInterpreter, templateScope } from './template-interpreter.ts'

/** What someone said in a conversation. */
export interface ChatMessage {
  /** `system`, `user`, `assistant`, `tool` …, as the template knows them. */
  readonly role: string
  /** Text, or a list of parts where the template takes them. */
  readonly content?: unknown
  /** Such as `tool_calls` and `reasoning_content`. */
  readonly [field: string]: unknown
}

export interface RenderChatOptions {
  /** End with what begins an answer; false by default. */
  addGenerationPrompt?: boolean | undefined
  /** Functions that may be called, each described by a schema. */
  tools?: readonly object[] | undefined
  /** Texts to answer from. */
  documents?: readonly object[] | undefined
  /** The template's own variables, such as `enable_thinking`. */
  variables?: Readonly<Record<string, unknown>> | undefined
  /** What the template calls `bos_token`, `eos_token` …: a tokenizer's `specialTokens`. */
  specialTokens?: Readonly<Record<string, string>> | undefined
  /** The day that a template may name; now by default. */
  now?: Date | undefined
}

/** Published templates have up to 40 thousand. */
const MAX_TEMPLATE_CHARACTERS = 1 << 20

/**
 * Writes a conversation as the text that a model was trained on, by its Jinja template.
 *
 * Fields that are null are left out, and `reasoning_content` is there as `thinking` too, as in the reference implementation. Templates are
 * programs: one that loops without end stops with an error.
 *
 * @param template  a tokenizer's `chatTemplate`
 * @throws {FormatError} when the template is malformed, goes on too long, or refuses the conversation, with what it says
 * @example
 * const template = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{{ eos_token }}{% endfor %}"
 * renderChat(template, [{ role: 'user', content: 'Hi' }], { specialTokens: { eos_token: '</s>' } }) // => '<|user|>Hi</s>'
 */
export function renderChat(
  template: string,
  messages: readonly ChatMessage[],
  options: RenderChatOptions = {},
): string {
  const {
    addGenerationPrompt = false,
    tools,
    documents,
    variables,
    specialTokens,
    now = new Date(),
  } = options
  if (template.length > MAX_TEMPLATE_CHARACTERS)
    throw new FormatError(
      `[models/chat-template] expected a template of at most ${MAX_TEMPLATE_CHARACTERS} characters, got ${template.length}`,
    )
  const refusal = (message: unknown) => {
    throw new FormatError(`[models/chat-template] the template refuses this conversation: ${String(message)}`)
  }
  return typed(() => {
    const program = parse(tokenize(template, { lstrip_blocks: true, trim_blocks: true }))
    const scope = templateScope({
      ...specialTokens,
      ...variables,
      messages: messages.map(asTemplatesExpect),
      tools: tools ?? null,
      documents: documents ?? null,
      add_generation_prompt: addGenerationPrompt,
      raise_exception: refusal,
      strftime_now: (format: unknown) => strftime(now, String(format)),
    })
    return String(new TemplateInterpreter(scope).run(program).value)
  })
}

function asTemplatesExpect(message: ChatMessage): Readonly<Record<string, unknown>> {
  const given = Object.fromEntries(
    Object.entries(message).filter(([, value]) => value !== null && value !== undefined),
  )
  const { reasoning_content: thinking } = given
  return thinking === undefined ? given : { thinking, ...given }
}

/** The library throws plain errors, and the stack may overflow. */
function typed(render: () => string): string {
  try {
    return render()
  } catch (error) {
    if (error instanceof TersorError) throw error
    throw new FormatError(
      `[models/chat-template] expected a template that can be rendered, got: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}
