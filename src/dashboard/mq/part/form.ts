// Forms with a label for each field, and questions before what can't be undone.
import { type Child, h } from './dom.ts'
import { t } from './text.ts'

let ids = 0

export type Field = {
  label: string
  control: HTMLElement
  hint?: string
}

export function textField(
  label: string,
  options: { value?: string; hint?: string; required?: boolean; type?: string; placeholder?: string } = {},
): Field & { control: HTMLInputElement } {
  const control = h('input', {
    type: options.type ?? 'text',
    value: options.value ?? '',
    required: options.required,
    placeholder: options.placeholder,
    autocomplete: options.type === 'password' ? 'new-password' : 'off',
    spellcheck: 'false',
  })
  return { label, control, hint: options.hint }
}

export function areaField(
  label: string,
  options: { value?: string; hint?: string; rows?: number } = {},
): Field & { control: HTMLTextAreaElement } {
  const control = h('textarea', { rows: options.rows ?? 4, spellcheck: 'false', value: options.value ?? '' })
  return { label, control, hint: options.hint }
}

export function choiceField(
  label: string,
  choices: readonly (readonly [value: string, text: string])[],
  options: { value?: string; hint?: string } = {},
): Field & { control: HTMLSelectElement } {
  const control = h('select', {}, ...choices.map(([value, text]) => h('option', { value }, text)))
  if (options.value !== undefined) control.value = options.value
  return { label, control, hint: options.hint }
}

export function form(options: {
  title: string
  fields: readonly Field[]
  submit: string
  danger?: boolean
  /** An error that it throws is shown in the form. */
  send: () => Promise<void>
  /** Between the fields and the button. */
  more?: Child
}): HTMLFormElement {
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true })
  const button = h('button', { type: 'submit', class: options.danger ? 'danger' : 'main' }, options.submit)
  const rows = options.fields.flatMap(({ label, control, hint }) => {
    control.id ||= `field-${++ids}`
    const hintId = `${control.id}-hint`
    if (hint) control.setAttribute('aria-describedby', hintId)
    return [
      h('label', { for: control.id }, label),
      h('div', {}, control, hint ? h('small', { id: hintId }, hint) : undefined),
    ]
  })
  const submit = async (event: Event) => {
    event.preventDefault()
    problem.hidden = true
    button.disabled = true
    try {
      await options.send()
    } catch (error) {
      problem.textContent = (error as Error).message
      problem.hidden = false
    } finally {
      button.disabled = false
    }
  }
  return h(
    'form',
    { class: 'form', 'aria-label': options.title, submit: (event) => void submit(event) },
    h('div', { class: 'fields' }, ...rows),
    options.more,
    problem,
    h('div', { class: 'actions' }, button),
  )
}

/** A part of a page that opens when its title is pressed. */
export function fold(title: string, ...children: readonly Child[]): HTMLDetailsElement {
  return h('details', { class: 'fold' }, h('summary', {}, title), ...children)
}

/** Resolves with false where the person thinks better of it. */
export function confirmAction(question: string, action: string): Promise<boolean> {
  return new Promise((resolve) => {
    const dialog = h(
      'dialog',
      {
        'aria-label': question,
        close: () => {
          resolve(dialog.returnValue === 'yes')
          dialog.remove()
        },
      },
      h(
        'form',
        { method: 'dialog' },
        h('p', {}, question),
        h(
          'div',
          { class: 'actions' },
          h('button', { value: 'no', autofocus: true }, t('cancel')),
          h('button', { value: 'yes', class: 'danger' }, action),
        ),
      ),
    )
    document.body.append(dialog)
    dialog.showModal()
  })
}

/** One line at the bottom that says that something was done. */
export function tell(text: string): void {
  const place = document.querySelector('#said')
  if (!place) return
  const line = h('p', {}, text)
  place.replaceChildren(line)
  setTimeout(() => line.remove(), 6000)
}

/** JSON that somebody typed; empty is an empty object. */
export function objectIn(text: string): Record<string, unknown> {
  if (text.trim() === '') return {}
  const value = parse(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(t('notObject'))
  return value as Record<string, unknown>
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(t('notJson', { why: (error as Error).message }))
  }
}
